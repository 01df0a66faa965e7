// The header is all: the functions are libFuzzer's own.
#include "libfuzzer.h"
