/* The n-th Fibonacci number by two recursive calls each: what calls cost. */
#include "kernel.h"

static int32_t __attribute__((noinline)) fibonacci(int32_t n) {
  return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

RUN int32_t run(int32_t n) { return fibonacci(n); }
