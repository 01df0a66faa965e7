#ifndef LIBFUZZER_H
#define LIBFUZZER_H

#include <stddef.h>
#include <stdint.h>

/// Runs libFuzzer with the arguments of a program, and calls `test_one_input` for every input that it makes.
///
/// Part of libFuzzer, which `-sanitize=fuzzer` links.
int LLVMFuzzerRunDriver(
    int *argc, char ***argv, int (*test_one_input)(const uint8_t *data, size_t size));

#endif
