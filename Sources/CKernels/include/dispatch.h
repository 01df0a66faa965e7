#ifndef TRIBUTARY_CKERNELS_DISPATCH_H
#define TRIBUTARY_CKERNELS_DISPATCH_H

// Compiles a function once for each instruction set; the loader binds the best one that the processor has.
#if defined(__x86_64__) && defined(__linux__)
#define TRIBUTARY_DISPATCHED __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define TRIBUTARY_DISPATCHED
#endif

#endif
