/* A program's floating-point mode is its own, whatever it loads and calls: floating_point LIBRARY MODEL default|other
 *
 * Loads LIBRARY (with -DLINKED it is linked), and trains with MODEL for an update. "other" is a mode as a program may
 * have it: denormal numbers flushed to zero, rounding up, what is not a number trapped. Afterwards the mode is what it
 * was, and what was learned is the same in any. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fenv.h>
#include <math.h>
#include <mobileasr/mobileasr.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xmmintrin.h>

#define CONTROL 0xffc0u /* not the flags of what has happened */

#ifdef LINKED
#define FIND(name) name
#else
static void* library;
#define FIND(name) ((__typeof__(&name))dlsym(library, #name))
#endif

static int expect_mode(unsigned mode, const char* when) {
  const unsigned now = _mm_getcsr() & CONTROL;
  if (now == (mode & CONTROL)) return 0;
  fprintf(stderr, "%s the mode is %x, and it was %x\n", when, now, mode & CONTROL);
  return 1;
}

enum { kSamples = 2 * 16000 };
static float samples[kSamples];

static void make_noise(void) {
  unsigned state = 1;
  for (int i = 0; i < kSamples; ++i) {
    state = state * 1664525u + 1013904223u;
    samples[i] = (float)(state >> 16) / 655360.0f - 0.05f;
  }
}

/* The loss after an update. */
static double learn(masr_model* model, const char* path) {
  const int64_t length = kSamples;
  const char* text = "call me";
  const masr_speech speech = {
      .struct_size = sizeof speech, .count = 1, .audio = samples, .lengths = &length, .texts = &text};
  double loss = 0;
  if (FIND(masr_load)(model, path) != MASR_OK || FIND(masr_train)(model, &speech, NULL) != MASR_OK ||
      FIND(masr_loss)(model, &speech, &loss, NULL) != MASR_OK) {
    fprintf(stderr, "%s\n", FIND(masr_model_error)(model));
    exit(1);
  }
  return loss;
}

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  const unsigned initial = 0x1f80; /* of a new process */
  int wrong = expect_mode(initial, "at the beginning");
  make_noise();
  if (strcmp(argv[3], "other") == 0) {
    _mm_setcsr(_mm_getcsr() | 0x8040);
    fesetround(FE_UPWARD);
    feenableexcept(FE_INVALID | FE_DIVBYZERO | FE_OVERFLOW);
  }
  const unsigned mode = _mm_getcsr();
#ifndef LINKED
  library = dlopen(argv[1], RTLD_LAZY);
  if (library == NULL) {
    fprintf(stderr, "%s\n", dlerror());
    return 1;
  }
#endif
  wrong |= expect_mode(mode, "loaded,");
  /* Two threads: the other one is made in this mode. */
  const masr_model_options two = {.struct_size = sizeof two, .threads = 2};
  masr_model* model;
  if (FIND(masr_model_create)(&two, &model) != MASR_OK) return 1;
  const double loss = learn(model, argv[2]);
  wrong |= expect_mode(mode, "after an update");
  FIND(masr_model_destroy)(model);
  fesetenv(FE_DFL_ENV);
  if (FIND(masr_model_create)(&two, &model) != MASR_OK) return 1;
  const double same = learn(model, argv[2]);
  FIND(masr_model_destroy)(model);
  if (loss != same || !isfinite(loss)) {
    fprintf(stderr, "loss %.17g, in the default mode %.17g\n", loss, same);
    wrong = 1;
  }
  return wrong;
}
