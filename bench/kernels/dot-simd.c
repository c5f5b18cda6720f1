/* Dot product of two vectors of 4096 f32, n times, with SIMD. Returns the sum of the products. */
#include <wasm_simd128.h>
#include "kernel.h"

#define SIZE 4096

static float a[SIZE], b[SIZE];

RUN double run(int32_t n) {
  double sum = 0;
  for (int32_t i = 0; i < SIZE; i++) {
    a[i] = (float)(i % 17) * 0.25f - 2;
    b[i] = (float)(i % 13) * 0.5f - 3;
  }
  for (int32_t turn = 0; turn < n; turn++) {
    v128_t dot = wasm_f32x4_splat(0);
    for (int32_t i = 0; i < SIZE; i += 4) {
      dot = wasm_f32x4_add(dot, wasm_f32x4_mul(wasm_v128_load(a + i), wasm_v128_load(b + i)));
    }
    a[turn % SIZE] += 0.125f;
    sum += wasm_f32x4_extract_lane(dot, 0) + wasm_f32x4_extract_lane(dot, 1) + wasm_f32x4_extract_lane(dot, 2) +
           wasm_f32x4_extract_lane(dot, 3);
  }
  return sum;
}
