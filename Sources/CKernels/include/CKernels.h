#ifndef TRIBUTARY_CKERNELS_H
#define TRIBUTARY_CKERNELS_H

// Loops that stream over the tensors of a whole adapter. They are in C because Clang compiles each for several
// instruction sets and picks one when the program is loaded (see dispatch.h); Swift would compile them for the
// oldest processor only. All of them give the same bits on every instruction set.
//
// Arrays never overlap unless a comment says so; a count of 0 touches nothing.

#include "dispatch.h"
#include "accumulate.h"
#include "decoder.h"
#include "elementwise.h"
#include "fixed_point.h"
#include "half_precision.h"
#include "packed_product.h"

#endif
