// Functions of rows of numbers that compilers turn into vector instructions.
#pragma once

#include <cstdint>
#include <cstring>

/** e to the x, off by two units in the last place at most; 0 below -87.3, where results would be denormal. */
inline float exponential(float x) {
  const float within = x < -87.3f ? -87.3f : x > 88.7f ? 88.7f : x;
  // x = n log 2 + r, with log 2 as a sum of two numbers.
  const float shifted = within * 1.44269504f + 12582912.0f;
  const float n = shifted - 12582912.0f;
  const float r = (within - n * 0.693145752f) - n * 1.42860677e-6f;
  float p = 1.38888889e-3f;
  p = p * r + 8.33333333e-3f;
  p = p * r + 4.16666667e-2f;
  p = p * r + 1.66666667e-1f;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  int32_t bits;
  std::memcpy(&bits, &shifted, sizeof bits);
  bits = (bits << 23) + (127 << 23);
  float power;
  std::memcpy(&power, &bits, sizeof power);
  const float result = p * power;
  return x < -87.3f ? 0.0f : x != x ? x : result;
}

inline void softmaxInPlace(float* row, int64_t count) {
  float largest = row[0];
#pragma omp simd reduction(max : largest)
  for (int64_t at = 0; at < count; at++) largest = row[at] > largest ? row[at] : largest;
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t at = 0; at < count; at++) {
    row[at] = exponential(row[at] - largest);
    sum += row[at];
  }
  const float inverse = 1 / sum;
#pragma omp simd
  for (int64_t at = 0; at < count; at++) row[at] *= inverse;
}

/** Errors by the softmax to errors by what it was taken of. */
inline void softmaxGradInPlace(float* errors, const float* softmax, int64_t count) {
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t at = 0; at < count; at++) sum += errors[at] * softmax[at];
#pragma omp simd
  for (int64_t at = 0; at < count; at++) errors[at] = (errors[at] - sum) * softmax[at];
}
