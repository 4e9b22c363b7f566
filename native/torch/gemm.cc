#include "gemm.h"

#include <dlfcn.h>

namespace products {

using Dnnl = int (*)(char, char, int64_t, int64_t, int64_t, float, const float*, int64_t, const float*, int64_t, float,
                     float*, int64_t);
using Blas = void (*)(const char*, const char*, const int*, const int*, const int*, const float*, const float*,
                      const int*, const float*, const int*, const float*, float*, const int*);

struct Functions {
  Dnnl dnnl = nullptr;
  Blas blas = nullptr;

  /** What the libraries that this one depends on export. */
  Functions() {
    Dl_info self;
    if (dladdr(reinterpret_cast<void*>(&hasGemm), &self) == 0) return;
    void* library = dlopen(self.dli_fname, RTLD_LAZY | RTLD_NOLOAD);
    if (library == nullptr) return;
    dnnl = reinterpret_cast<Dnnl>(dlsym(library, "dnnl_sgemm"));
    blas = reinterpret_cast<Blas>(dlsym(library, "sgemm_"));
  }
};

const Functions& functions() {
  static const Functions found;
  return found;
}

/** Below this many multiply-adds BLAS is faster, which packs less. */
constexpr int64_t SMALL = 1 << 20;

}  // namespace products

bool hasGemm() { return products::functions().blas != nullptr; }

void gemm(bool transposeA, bool transposeB, int64_t m, int64_t n, int64_t k, float alpha, const float* a, int64_t lda,
          const float* b, int64_t ldb, float beta, float* c, int64_t ldc) {
  const products::Functions& functions = products::functions();
  const char ta = transposeA ? 'T' : 'N';
  const char tb = transposeB ? 'T' : 'N';
  if (functions.dnnl != nullptr && m * n * k >= products::SMALL) {
    if (functions.dnnl(ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc) == 0) return;
  }
  // BLAS has columns where we have rows, so that it computes the transposed product.
  const int rows = static_cast<int>(n), columns = static_cast<int>(m), inner = static_cast<int>(k);
  const int strideA = static_cast<int>(lda), strideB = static_cast<int>(ldb), strideC = static_cast<int>(ldc);
  functions.blas(&tb, &ta, &rows, &columns, &inner, &alpha, b, &strideB, a, &strideA, &beta, c, &strideC);
}

namespace products {

/** The distance of lines of `length` elements, of which there are `count`; 0 where they overlap or have gaps within. */
int64_t distanceOf(int64_t count, int64_t length, int64_t stride, int64_t within) {
  if (within != 1 && length != 1) return 0;
  // Of one line the stride says nothing.
  if (count == 1) return length;
  return stride >= length ? stride : 0;
}

}  // namespace products

bool isMatrix(const at::Tensor& x) {
  return x.dim() >= 2 && x.numel() > 0 && matrixOf(x).stride > 0;
}

Matrix matrixOf(const at::Tensor& x) {
  const int64_t rows = x.size(-2), columns = x.size(-1), down = x.stride(-2), across = x.stride(-1);
  const auto* data = static_cast<const float*>(x.data_ptr());
  const int64_t plain = products::distanceOf(rows, columns, down, across);
  if (plain > 0) return {data, plain, false};
  return {data, products::distanceOf(columns, rows, across, down), true};
}
