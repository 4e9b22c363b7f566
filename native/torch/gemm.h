// Products of matrices of float32 in ordinary memory, by what torch brings along.
#pragma once

#include <ATen/core/Tensor.h>

/** Whether products of our own can be made here; otherwise torch's must do. */
bool hasGemm();

/** c = alpha a b + beta c, in the calling thread if it is one of a parallel region; rows are `lda`, `ldb`, `ldc` apart. */
void gemm(bool transposeA, bool transposeB, int64_t m, int64_t n, int64_t k, float alpha, const float* a, int64_t lda,
          const float* b, int64_t ldb, float beta, float* c, int64_t ldc);

/** A matrix in memory: rows `stride` apart, or columns where it is transposed. */
struct Matrix {
  const float* data;
  int64_t stride;
  bool isTransposed;
};

/** The last two axes of a tensor as a matrix, if one of them is dense. */
bool isMatrix(const at::Tensor& x);
/** The same; the stride is 0 where it is none. */
Matrix matrixOf(const at::Tensor& x);
