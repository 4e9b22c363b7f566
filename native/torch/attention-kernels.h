// Attention by kernels of torch that do not keep the softmax.
#pragma once

#include "program.h"

namespace attention {

/**
 * (q, k, v) to (the result, what the gradient needs [B, H, N or more]); scale. False where there is no kernel for these.
 */
bool forwardByTorch(Call& call);
/** (dy, what the forward pass left, q, k, v, the result) to the gradients by q, k and v; scale. */
void backwardByTorch(Call& call);

}  // namespace attention
