/* Five bodies that attract each other, n steps. Returns the energy at the end. */
#include "kernel.h"

typedef struct {
  double x[3], v[3], mass;
} body;

static body bodies[5];

static double distance(const body *a, const body *b, double d[3]) {
  double square = 0;
  for (int k = 0; k < 3; k++) {
    d[k] = a->x[k] - b->x[k];
    square += d[k] * d[k];
  }
  return __builtin_sqrt(square);
}

RUN double run(int32_t n) {
  double d[3], energy = 0;
  for (int i = 0; i < 5; i++) {
    for (int k = 0; k < 3; k++) {
      bodies[i].x[k] = i * 3.0 + k * (i % 2 ? 1.5 : -0.75);
      bodies[i].v[k] = (k - 1) * 0.25 * (i % 3);
    }
    bodies[i].mass = i == 0 ? 40.0 : 1.0 / i;
  }
  for (int32_t step = 0; step < n; step++) {
    for (int i = 0; i < 5; i++) {
      for (int j = i + 1; j < 5; j++) {
        double r = distance(&bodies[i], &bodies[j], d), pull = 0.001 / (r * r * r + 0.01);
        for (int k = 0; k < 3; k++) {
          bodies[i].v[k] -= d[k] * bodies[j].mass * pull;
          bodies[j].v[k] += d[k] * bodies[i].mass * pull;
        }
      }
    }
    for (int i = 0; i < 5; i++) {
      for (int k = 0; k < 3; k++) bodies[i].x[k] += 0.001 * bodies[i].v[k];
    }
  }
  for (int i = 0; i < 5; i++) {
    for (int k = 0; k < 3; k++) energy += 0.5 * bodies[i].mass * bodies[i].v[k] * bodies[i].v[k];
    for (int j = i + 1; j < 5; j++) energy -= bodies[i].mass * bodies[j].mass / distance(&bodies[i], &bodies[j], d);
  }
  return energy;
}
