/// Why an adapter or a base model could not be read, checked or written.
///
/// `source` is what the tensors came from: a file's path, or a name for bytes that have none.
package enum AdapterError: Error, Equatable {
    // Files
    case unreadableFile(path: String, reason: String)
    case cannotWrite(path: String, reason: String)
    case directoryInUse(path: String)
    case malformedTensors(source: String, flaw: SafetensorsFlaw)
    case malformedJSON(path: String, flaw: JSONFlaw)
    case malformedGGUF(path: String, problem: String)
    case missingKey(String, path: String)
    case invalidValue(key: String, path: String, needed: String)
    /// A directory without an adapter.
    case missingAdapter(path: String)
    /// A directory whose tensors are stored as a program for Python's unpickler.
    case pickledAdapter(path: String)
    /// Something that has no meaning here; `advice` is a sentence.
    case unsupported(feature: String, path: String, advice: String)

    // Tensors of an adapter
    case unsupportedElementType(tensor: String, type: SafetensorsElementType, source: String)
    case unexpectedTensorName(tensor: String, source: String)
    case repeatedTensor(tensor: String, source: String)
    /// A layer with one factor alone.
    case missingFactor(tensor: String, source: String)
    case invalidFactorShape(tensor: String, shape: [Int], needed: String, source: String)
    case missingSavedModules([String], source: String)
    case noTensors(source: String)

    // Fit to a model or job
    case unexpectedTensors(missing: [String], unknown: [String], source: String)
    case shapeMismatch(tensor: String, expected: [Int], found: [Int], source: String)
    case rankMismatch(module: String, expected: Int, found: Int, source: String)
    case scalingMismatch(module: String, expected: Double, found: Double, source: String)
    case invalidScaling(module: String, alpha: Double)
    case mixedScaling(path: String)
    case notFinite(tensor: String, source: String)
    case subnormalValues(tensor: String, count: Int, of: Int, source: String)
    case valueTooLarge(tensor: String, value: Float, limit: Float, source: String)
    case productTooLarge(module: String, bound: Double, limit: Double, source: String)
    case unmatchedTargets([String], model: String, known: [String])
    case invalidPattern(String, key: String)
}

extension AdapterError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .unreadableFile(let path, let reason):
            "'\(path)' cannot be read: \(reason)"
        case .cannotWrite(let path, let reason):
            "'\(path)' cannot be written: \(reason). Check the path, its permissions and the free space."
        case .directoryInUse(let path):
            "'\(path)' exists and is not empty. Choose a new directory, or remove that one."
        case .malformedTensors(let source, let flaw):
            "'\(source)' is not a safetensors file: \(flaw). Save it again, or copy it again if it was cut short."
        case .malformedGGUF(let path, let problem):
            "'\(path)' is no usable GGUF model: it \(problem). Copy it again if it was cut short, or use another file."
        case .malformedJSON(let path, let flaw):
            "'\(path)' is not JSON: \(flaw). Correct it, or save it again."
        case .missingKey(let key, let path):
            "'\(path)' has no key \(quoted(key)). Add it, or save the directory again with the library that made it."
        case .invalidValue(let key, let path, let needed):
            "\(quoted(key)) in '\(path)' has to be \(needed). Correct it."
        case .missingAdapter(let path):
            """
            '\(path)' holds no adapter: adapter_config.json and adapter_model.safetensors are needed. \
            Give the directory that `save_pretrained` wrote.
            """
        case .pickledAdapter(let path):
            """
            '\(path)' holds adapter_model.bin, a pickle, which can run programs when it is read and is never opened. \
            Save the adapter again with `safe_serialization=True`.
            """
        case .unsupported(let feature, let path, let advice):
            "'\(path)' uses \(feature), which is not supported. \(advice)"
        case .unsupportedElementType(let tensor, let type, let source):
            """
            Tensor \(quoted(tensor)) in '\(source)' has type \(type.rawValue). \
            Save it as F32, F16, BF16 or F64.
            """
        case .unexpectedTensorName(let tensor, let source):
            """
            Tensor \(quoted(tensor)) in '\(source)' is not named as PEFT names it: \
            'base_model.model.' and the module's path. Save the adapter with PEFT's `save_pretrained`.
            """
        case .repeatedTensor(let tensor, let source):
            "'\(source)' holds \(quoted(tensor)) twice, with and without an adapter name. Keep one of the two."
        case .missingFactor(let tensor, let source):
            """
            '\(source)' lacks \(quoted(tensor)) although the layer's other factor is there. \
            Save the adapter again; half a layer has no meaning.
            """
        case .invalidFactorShape(let tensor, let shape, let needed, let source):
            "\(quoted(tensor)) in '\(source)' has shape \(shape) but \(needed). Only linear and embedding layers can be adapted."
        case .missingSavedModules(let names, let source):
            "'\(source)' lacks the tensors of `modules_to_save` (\(quoted(names))). Save the adapter again, or empty that key."
        case .noTensors(let source):
            "'\(source)' holds no low-rank factors. Give an adapter that adapts at least one layer."
        case .unexpectedTensors(let missing, let unknown, let source):
            """
            '\(source)' does not fit: missing \(missing.isEmpty ? "nothing" : quoted(missing)), \
            unknown \(unknown.isEmpty ? "nothing" : quoted(unknown)). \
            Use the same `target_modules`, `modules_to_save` and base model everywhere.
            """
        case .shapeMismatch(let tensor, let expected, let found, let source):
            """
            \(quoted(tensor)) in '\(source)' has shape \(found) but \(expected) is needed. \
            Check `r`, `target_modules` and the base model.
            """
        case .rankMismatch(let module, let expected, let found, let source):
            """
            \(quoted(module)) in '\(source)' has rank \(found) but \(expected) is stated. \
            Check `r` and `rank_pattern` in adapter_config.json, or the rank that was ordered.
            """
        case .scalingMismatch(let module, let expected, let found, let source):
            "\(quoted(module)) in '\(source)' scales by \(found) but \(expected) is needed. Check `lora_alpha` and `use_rslora`."
        case .invalidScaling(let module, let alpha):
            "The alpha of \(quoted(module)) is \(alpha). Use a finite number above 0."
        case .mixedScaling(let path):
            "'\(path)' cannot say that some layers use rsLoRA and others do not. Use one kind of scaling for all."
        case .notFinite(let tensor, let source):
            "\(quoted(tensor)) in '\(source)' holds NaN or infinite values. Train again, with a lower learning rate."
        case .subnormalValues(let tensor, let count, let total, let source):
            """
            \(count) of \(total) values of \(quoted(tensor)) in '\(source)' are smaller than a float can hold exactly. \
            Set values below 1e-38 to zero.
            """
        case .valueTooLarge(let tensor, let value, let limit, let source):
            "\(quoted(tensor)) in '\(source)' holds \(value); at most ±\(limit) is taken. Train again, with a lower learning rate."
        case .productTooLarge(let module, let bound, let limit, let source):
            """
            The change that \(quoted(module)) in '\(source)' makes to its layer can reach \(bound); at most \(limit) is taken. \
            Train again, with a lower learning rate.
            """
        case .unmatchedTargets(let targets, let model, let known):
            "'\(model)' has no linear layer called \(quoted(targets)). Use some of \(quoted(known)) in `target_modules`."
        case .invalidPattern(let pattern, let key):
            "\(quoted(pattern)) in `\(key)` is not a regular expression that is understood here. Name the modules instead."
        }
    }
}
