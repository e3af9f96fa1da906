/* A program that knows nothing of MobileASR but what is installed: stranger BASE SPEECH FOLDER EPOCHS AUDIO
 *
 * Lets the recogniser BASE learn the voice in the manifest or folder SPEECH, keeps its rounds in FOLDER, and says what
 * the accepted recogniser hears in AUDIO. */
#include <mobileasr/mobileasr.h>
#include <stdio.h>
#include <stdlib.h>

static void on_event(void* user_data, const masr_event* event) {
  (void)user_data;
  if (event->kind == MASR_EVENT_EPOCH) {
    printf("epoch %d: CER %.2f %%\n", (int)event->epoch, event->validation_cer);
  }
  if (event->kind == MASR_EVENT_ACCEPT || event->kind == MASR_EVENT_KEEP) printf("%s\n", event->text);
}

static int fail(const char* message) {
  fprintf(stderr, "%s\n", message);
  return 1;
}

int main(int argc, char** argv) {
  if (argc != 6) return fail("usage: stranger BASE SPEECH FOLDER EPOCHS AUDIO");
  if (masr_abi_version() != MASR_ABI_VERSION) return fail("another version of the library");

  masr_owner* owner;
  const masr_owner_options options = {.struct_size = sizeof options, .on_event = on_event};
  if (masr_owner_create(&options, &owner) != MASR_OK) return fail("no owner");
  if (masr_owner_open(owner, argv[3], argv[1]) != MASR_OK) return fail(masr_owner_error(owner));

  const masr_training_options lora = {.struct_size = sizeof lora, .tuning = MASR_TUNE_LORA};
  const masr_round_options round = {
      .struct_size = sizeof round, .data = argv[2], .epochs = atoi(argv[4]), .training = &lora};
  masr_round_result result = {.struct_size = sizeof result};
  if (masr_owner_run(owner, &round, &result) != MASR_OK) return fail(masr_owner_error(owner));
  printf("round %d, %s: accepted %d, CER %.2f to %.2f %%\n", (int)result.round, result.sub_model,
         (int)result.accepted, result.cer_before, result.cer_after);

  char path[4096];
  size_t bytes = sizeof path;
  if (masr_owner_model(owner, path, &bytes) != MASR_OK) return fail(masr_owner_error(owner));
  masr_owner_destroy(owner);

  masr_model* model;
  static float samples[16000 * 30];
  size_t count = sizeof samples / sizeof *samples;
  if (masr_model_create(NULL, &model) != MASR_OK) return fail("no model");
  if (masr_load(model, path) != MASR_OK) return fail(masr_model_error(model));
  if (masr_read_audio(model, argv[5], samples, &count) != MASR_OK) return fail(masr_model_error(model));
  const int64_t length = (int64_t)count;
  const masr_speech speech = {.struct_size = sizeof speech, .count = 1, .audio = samples, .lengths = &length};
  char text[8192];
  masr_inference heard = {.struct_size = sizeof heard, .texts = text, .texts_bytes = sizeof text};
  if (masr_infer(model, &speech, &heard) != MASR_OK) return fail(masr_model_error(model));
  printf("heard: %s\n", text);
  masr_model_destroy(model);
  return 0;
}
