/* The Mandelbrot set on n times n points, at most 100 turns each. Returns the sum of the turns. */
#include "kernel.h"

RUN int64_t run(int32_t n) {
  int64_t sum = 0;
  for (int32_t i = 0; i < n; i++) {
    for (int32_t j = 0; j < n; j++) {
      double cx = 3.0 * j / n - 2.25, cy = 3.0 * i / n - 1.5, x = 0, y = 0;
      int turns = 0;
      while (turns < 100 && x * x + y * y <= 4) {
        double next = x * x - y * y + cx;
        y = 2 * x * y + cy;
        x = next;
        turns++;
      }
      sum += turns;
    }
  }
  return sum;
}
