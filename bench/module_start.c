/* What an app pays for the module before it is of use: module_start MODEL TUNING SECONDS STARTED
 *
 * Loads MODEL, hears SECONDS of noise, and learns a sentence from it for one update, one thread. TUNING is full, vectors
 * or lora. STARTED is what CLOCK_MONOTONIC said, in ns, before this process was made. Prints a line of JSON:
 * milliseconds since then at the beginning of main, with the model loaded, text there and the update done; and
 * resident bytes (VmRSS) at the same points. */
#define _POSIX_C_SOURCE 200809L
#include <mobileasr/mobileasr.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct point {
  double ms;
  long long resident_bytes;
};

static struct point now(long long started) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  struct point point = {((double)t.tv_sec * 1e9 + (double)t.tv_nsec - (double)started) / 1e6, 0};
  FILE* status = fopen("/proc/self/status", "r");
  char line[256];
  while (status != NULL && fgets(line, sizeof line, status) != NULL) {
    if (strncmp(line, "VmRSS:", 6) == 0) point.resident_bytes = atoll(line + 6) * 1024;
  }
  if (status != NULL) fclose(status);
  return point;
}

static void check(masr_model* model, masr_status status) {
  if (status == MASR_OK) return;
  fprintf(stderr, "%s\n", masr_model_error(model));
  exit(1);
}

int main(int argc, char** argv) {
  if (argc != 5) return 2;
  const long long started = atoll(argv[4]);
  const struct point begun = now(started);

  masr_model* model;
  const masr_model_options one_thread = {.struct_size = sizeof one_thread, .threads = 1};
  if (masr_model_create(&one_thread, &model) != MASR_OK) return 1;
  check(model, masr_load(model, argv[1]));
  const struct point loaded = now(started);

  masr_model_info info = {.struct_size = sizeof info};
  check(model, masr_describe(model, &info));
  const int64_t length = (int64_t)(atof(argv[3]) * info.sample_rate_hz);
  float* samples = malloc((size_t)length * sizeof(float));
  static char texts[1024];
  if (samples == NULL) return 1;
  unsigned state = 1;
  for (int64_t i = 0; i < length; ++i) {
    state = state * 1664525u + 1013904223u;
    samples[i] = ((float)(state >> 16) / 32768.0f - 1.0f) * 0.1f;
  }
  const char* text = "call me now";
  const masr_speech speech = {
      .struct_size = sizeof speech, .count = 1, .audio = samples, .lengths = &length, .texts = &text};
  masr_inference heard = {.struct_size = sizeof heard, .texts = texts, .texts_bytes = sizeof texts};
  check(model, masr_infer(model, &speech, &heard));
  const struct point inferred = now(started);

  const masr_training_options training = {.struct_size = sizeof training,
                                          .tuning = strcmp(argv[2], "lora") == 0      ? MASR_TUNE_LORA
                                                    : strcmp(argv[2], "vectors") == 0 ? MASR_TUNE_VECTORS
                                                                                      : MASR_TUNE_FULL};
  check(model, masr_configure(model, &training));
  masr_step step = {.struct_size = sizeof step};
  check(model, masr_train(model, &speech, &step));
  const struct point trained = now(started);

  printf("{\"begun_ms\": %.2f, \"loaded_ms\": %.2f, \"inferred_ms\": %.2f, \"trained_ms\": %.2f, "
         "\"begun_bytes\": %lld, \"loaded_bytes\": %lld, \"inferred_bytes\": %lld, \"trained_bytes\": %lld}\n",
         begun.ms, loaded.ms, inferred.ms, trained.ms, begun.resident_bytes, loaded.resident_bytes,
         inferred.resident_bytes, trained.resident_bytes);
  free(samples);
  masr_model_destroy(model);
  return 0;
}
