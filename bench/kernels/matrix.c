/* Product of two n times n matrices of f64, n at most 256. Returns the sum of the product. */
#include "kernel.h"

static double a[256 * 256], b[256 * 256], c[256 * 256];

RUN double run(int32_t n) {
  double sum = 0;
  if (n > 256) n = 256;
  for (int32_t i = 0; i < n * n; i++) {
    a[i] = (i % 7) * 0.5 - 1;
    b[i] = (i % 11) * 0.25 + 1;
    c[i] = 0;
  }
  for (int32_t i = 0; i < n; i++) {
    for (int32_t k = 0; k < n; k++) {
      double x = a[i * n + k];
      for (int32_t j = 0; j < n; j++) c[i * n + j] += x * b[k * n + j];
    }
  }
  for (int32_t i = 0; i < n * n; i++) sum += c[i];
  return sum;
}
