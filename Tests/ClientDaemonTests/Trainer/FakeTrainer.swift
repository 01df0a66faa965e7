import Foundation

/// A small trainer in Python, with the standard library alone, that does well or badly as a test says.
enum FakeTrainer {
    /// Writes it into `folder`, and returns the command that runs it.
    ///
    /// - Parameters:
    ///   - behaviour: How it behaves; see the cases of the program.
    ///   - folder: Where its program goes, which is not where it works.
    /// - Returns: The program and its arguments.
    /// - Throws: When it cannot be written.
    static func command(_ behaviour: String, in folder: URL) throws -> [String] {
        let file = folder.appendingPathComponent("fake_trainer.py")
        try Data(program.utf8).write(to: file)
        return ["python3", "-S", file.path, behaviour]
    }

    private static let program = #"""
        import json, os, shutil, struct, subprocess, sys, time

        behaviour = sys.argv[1]


        def say(type, **message):
            print(json.dumps({"type": type, **message}), flush=True)


        def forever():
            while True:
                time.sleep(60)


        def once(name):
            """Whether this is the first process that asks; the working folder outlives processes."""
            if os.path.exists(name):
                return False
            open(name, "w").close()
            return True


        def read(folder):
            raw = open(folder + "/adapter_model.safetensors", "rb").read()
            length = struct.unpack("<Q", raw[:8])[0]
            return json.loads(raw[8 : 8 + length]), raw[8 + length :]


        def write(folder, header, data):
            os.makedirs(folder)
            text = json.dumps(header).encode()
            with open(folder + "/adapter_model.safetensors", "wb") as file:
                file.write(struct.pack("<Q", len(text)) + text + data)


        def double(source, target, factor=2.0, which=("lora_B", "ia3_l", "vera_lambda")):
            """Writes the adapter with one of its factors, or what other kinds have in their place, multiplied."""
            header, data = read(source)
            data = bytearray(data)
            for name, tensor in header.items():
                if any(part in name for part in which):
                    start, end = tensor["data_offsets"]
                    values = struct.unpack(f"<{(end - start) // 4}f", data[start:end])
                    data[start:end] = struct.pack(f"<{len(values)}f", *(value * factor for value in values))
            write(target, header, bytes(data))
            shutil.copy(source + "/adapter_config.json", target)


        def train(request):
            id, source, result = request["id"], request["adapter"], request["result"]
            say("progress", id=id, step=1, steps=2, loss=0.5)
            done = {"id": id, "examples": 12, "steps": 2, "metrics": {"loss": 0.25}}
            if behaviour == "rubbish" or (behaviour == "rubbish-once" and once("rubbish")):
                print("Epoch 1/3", flush=True)
                forever()
            if behaviour == "long-line":
                print("x" * 3_000_000, flush=True)
                forever()
            if behaviour == "hang":
                forever()
            if behaviour == "exit" or (behaviour == "exit-once" and once("exited")):
                print("Traceback: boom", file=sys.stderr, flush=True)
                sys.exit(7)
            if behaviour == "killed":
                os.kill(os.getpid(), 9)
            if behaviour == "close":
                os.close(1)
                forever()
            if behaviour == "disk":
                with open("rubble", "wb") as file:
                    for _ in range(64):
                        file.write(bytes(1 << 20))
                        file.flush()
                forever()
            if behaviour == "memory":
                subprocess.Popen([sys.executable, "-c", "x = b'1' * (200 << 20)\nimport time\ntime.sleep(600)"])
                forever()
            if behaviour == "failed":
                return say("failed", id=id, reason="CUDA out of memory", retry=False)
            if behaviour == "failed-once" and once("failed"):
                return say("failed", id=id, reason="CUDA out of memory", retry=True)
            if behaviour == "stubborn":
                forever()
            if behaviour == "polite":
                while json.loads(sys.stdin.readline())["type"] != "cancel":
                    pass
                return say("cancelled", id=id)
            if behaviour == "leaves-a-child":
                subprocess.Popen(["sleep", "600"])
            if behaviour == "dots":
                double(source, os.path.join(os.path.dirname(result), "../escaped"))
                return say("trained", **done, adapter="../escaped")
            if behaviour == "link":
                double(source, "elsewhere")
                os.symlink(os.path.abspath("elsewhere"), result)
                return say("trained", **done)
            if behaviour == "missing":
                return say("trained", **done)
            if behaviour == "no-examples":
                done["examples"] = 0
            if behaviour == "surroundings":
                # What a shell adds, where python3 is a script that looks for one.
                added = ("LC_CTYPE", "PWD", "SHLVL", "_", "OLDPWD", "PYENV")
                names = sorted(name for name in os.environ if not name.startswith(added))
                descriptors = sorted(int(name) for name in os.listdir("/proc/self/fd"))
                inherited = [fd for fd in descriptors if os.path.exists(f"/proc/self/fd/{fd}")]
                mode = oct(os.stat(".").st_mode & 0o777)
                reason = [names, inherited, mode, os.getcwd() == request["result"].split("/request")[0], os.environ["HOME"] == os.getcwd()]
                return say("failed", id=id, reason=json.dumps(reason))
            if behaviour == "nan":
                double(source, result, float("nan"))
            elif behaviour == "changes-a":
                double(source, result, 2.0, ("lora_A", "vera_A"))
            elif behaviour == "other-kind":
                double(source, result)
                config = json.load(open(source + "/adapter_config.json"))
                json.dump({**config, "r": 77}, open(result + "/adapter_config.json", "w"))
            elif behaviour == "other-module":
                header, data = read(source)
                write(result, {name.replace("query", "key"): value for name, value in header.items()}, data)
                shutil.copy(source + "/adapter_config.json", result)
            elif behaviour == "other-rank":
                header, data = read(source)
                a = next(name for name in header if "lora_A" in name)
                b = next(name for name in header if "lora_B" in name)
                (r, width), height = header[a]["shape"], header[b]["shape"][0]
                new = {
                    a: {"dtype": "F32", "shape": [1, width], "data_offsets": [0, 4 * width]},
                    b: {"dtype": "F32", "shape": [height, 1], "data_offsets": [4 * width, 4 * (width + height)]},
                }
                write(result, new, bytes(4 * (width + height)))
                config = json.load(open(source + "/adapter_config.json"))
                json.dump({**config, "r": 1}, open(result + "/adapter_config.json", "w"))
            elif behaviour == "not-safetensors":
                os.makedirs(result)
                open(result + "/adapter_model.safetensors", "w").write("pickle")
                shutil.copy(source + "/adapter_config.json", result)
            else:
                double(source, result)
            say("trained", **done)


        if behaviour == "silent":
            forever()
        if behaviour == "dies-at-once":
            print("ModuleNotFoundError: No module named 'torch'", file=sys.stderr)
            sys.exit(1)
        hello = json.loads(sys.stdin.readline())
        say("hello", version=1, name="fake", release=str(os.getpid()), tasks=["sequence-classification"], features=["frozen-factors", "adapter-kinds"])
        if behaviour == "dies-idle" and once("died"):
            sys.exit(3)
        for line in sys.stdin:
            request = json.loads(line)
            if request["type"] == "train":
                train(request)
            elif request["type"] == "evaluate":
                double(request["adapter"], "judged-" + str(request["id"]))
                say("evaluated", id=request["id"], examples=3, metrics={"accuracy": 0.5})
            elif request["type"] == "shutdown":
                if behaviour == "deaf":
                    forever()
                break
        """#
}
