/* The six functions in C: six_functions MODEL AUDIO TEXT CHECKPOINT
 *
 * Hears a recording, learns its text for three updates, saves, learns on, goes back to the checkpoint and learns on
 * again, to the same numbers. */
#include <mobileasr/mobileasr.h>
#include <stdio.h>
#include <stdlib.h>

static masr_model* model;

static void check(masr_status status) {
  if (status == MASR_OK) return;
  fprintf(stderr, "%s: %s\n", masr_status_name(status), masr_model_error(model));
  exit(1);
}

/* parameters: what could learn, and what that takes. */
static void show_parameters(void) {
  masr_model_info info = {.struct_size = sizeof info};
  check(masr_describe(model, &info));
  int64_t training_bytes = 0;
  for (size_t i = 0; i < info.parameters; ++i) {
    masr_parameter parameter = {.struct_size = sizeof parameter};
    check(masr_parameter_at(model, i, &parameter));
    training_bytes += parameter.training_bytes;
  }
  printf("parameters %zu in %d blocks, all of them learn in %lld bytes\n", info.parameters, (int)info.blocks,
         (long long)training_bytes);
}

/* infer: probabilities and text. The first call asks how large the buffers have to be. */
static void hear(const masr_speech* speech, int tokens) {
  masr_inference heard = {.struct_size = sizeof heard};
  check(masr_infer(model, speech, &heard));
  heard.probabilities = malloc(heard.probabilities_count * sizeof(float));
  heard.texts = malloc(heard.texts_bytes);
  if (heard.probabilities == NULL || heard.texts == NULL) exit(1);
  check(masr_infer(model, speech, &heard));
  double blank = 0;
  for (int64_t row = 0; row < heard.total_rows; ++row) blank += heard.probabilities[row * tokens];
  printf("infer %lld rows, %.17g of them blank: %s\n", (long long)heard.total_rows, blank, heard.texts);
  free(heard.probabilities);
  free(heard.texts);
}

static void learn(const masr_speech* speech) {
  masr_step step = {.struct_size = sizeof step};
  check(masr_train(model, speech, &step));
  printf("train %lld: loss %.17g, gradient %.17g\n", (long long)step.step, step.loss, step.gradient_norm);
}

int main(int argc, char** argv) {
  if (argc != 5) {
    fprintf(stderr, "usage: %s MODEL AUDIO TEXT CHECKPOINT\n", argv[0]);
    return 2;
  }
  if (masr_model_create(NULL, &model) != MASR_OK) return 1;
  check(masr_load(model, argv[1]));

  size_t count = 0;
  check(masr_read_audio(model, argv[2], NULL, &count));
  float* samples = malloc(count * sizeof(float));
  if (samples == NULL) return 1;
  check(masr_read_audio(model, argv[2], samples, &count));
  const int64_t length = (int64_t)count;
  const char* text = argv[3];
  const masr_speech speech = {
      .struct_size = sizeof speech, .count = 1, .audio = samples, .lengths = &length, .texts = &text};

  show_parameters();
  masr_model_info info = {.struct_size = sizeof info};
  check(masr_describe(model, &info));
  hear(&speech, info.tokens);
  double loss = 0;
  check(masr_loss(model, &speech, &loss, NULL));
  printf("loss %.17g\n", loss);
  for (int update = 0; update < 3; ++update) learn(&speech);
  check(masr_save(model, argv[4]));
  learn(&speech);
  check(masr_restore(model, argv[4]));
  learn(&speech);
  hear(&speech, info.tokens);

  free(samples);
  masr_model_destroy(model);
  return 0;
}
