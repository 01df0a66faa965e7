package import Foundation

/// The files that hold a base model's weights: one `model.safetensors`, or several shards and an index.
package struct BaseModelWeights {
    package static let indexFileName = "model.safetensors.index.json"

    /// One file of weights.
    package struct Shard {
        /// The file's name in the model's folder.
        package let fileName: String
        package let header: SafetensorsHeader
    }

    package let folder: URL
    package let shards: [Shard]
    /// The index, where there are shards.
    package let index: JSONObject?
    /// The shard of every tensor, by name.
    private let places: [String: Int]

    /// Reads the headers of a model's weights.
    ///
    /// - Throws: ``AdapterError`` that names the file which is missing or malformed.
    package init(in folder: URL) throws(AdapterError) {
        self.folder = folder
        let exists = { name in FileManager.default.fileExists(atPath: folder.appendingPathComponent(name).path) }
        var fileNames = [BaseModelDirectory.weightsFileName]
        var index: JSONObject?
        if !exists(BaseModelDirectory.weightsFileName), exists(Self.indexFileName) {
            let reader = try JSONReader(fileAt: folder.appendingPathComponent(Self.indexFileName).path)
            fileNames = try Self.fileNames(in: reader)
            index = reader.object
        }
        var shards: [Shard] = []
        var places: [String: Int] = [:]
        for fileName in fileNames {
            let file = try SafetensorsFile(path: folder.appendingPathComponent(fileName).path)
            for tensor in file.tensors {
                guard places.updateValue(shards.count, forKey: tensor.name) == nil else {
                    throw .malformedTensors(source: file.source, flaw: .duplicateName(tensor.name))
                }
            }
            shards.append(Shard(fileName: fileName, header: file.header))
        }
        self.shards = shards
        self.places = places
        self.index = index
    }

    private static func fileNames(in reader: JSONReader) throws(AdapterError) -> [String] {
        let names = reader.object["weight_map"]?.object?.members.map(\.value.string) ?? []
        let needed = "the name of a .safetensors file in the same folder for each tensor"
        var fileNames: Set<String> = []
        for name in names {
            // Names come from outside: they must not lead out of the folder.
            guard let name, name.hasSuffix(".safetensors"), !name.contains("/"), !name.hasPrefix(".") else {
                throw .invalidValue(key: "weight_map", path: reader.path, needed: needed)
            }
            fileNames.insert(name)
        }
        guard !fileNames.isEmpty else { throw .invalidValue(key: "weight_map", path: reader.path, needed: needed) }
        return fileNames.sorted()
    }

    /// The names of all tensors.
    package var names: Dictionary<String, Int>.Keys { places.keys }

    /// Returns the entry of the tensor called `name`, and the number of its shard.
    package func tensor(_ name: String) -> (tensor: SafetensorsHeader.Tensor, shard: Int)? {
        guard let shard = places[name], let tensor = shards[shard].header[name] else { return nil }
        return (tensor, shard)
    }
}
