/// @file mobileasr.h
/// MobileASR in C: a CTC speech recogniser that learns its owner's voice on the device.
///
/// Two handles. A `masr_model` is a recogniser with six functions: train, infer, loss, save,
/// restore, parameters; weights as arrays, for federated learning; a language model and hotwords
/// for its texts; and, by a `masr_stream`, text while the sound arrives. A `masr_owner` is one
/// person's folder of rounds: what to train within a budget is planned, learned, judged, accepted
/// or not, and can be taken back.
///
/// What holds for all calls:
/// - A call returns a ::masr_status; MASR_OK is 0. masr_model_error() and masr_owner_error() say in
///   words what was wrong with the last call and what to do. A call that fails has changed nothing,
///   unless it says otherwise.
/// - Memory belongs to who made it. What the library writes goes into the caller's buffers, after
///   it has said how large they have to be. Pointers that it gives belong to the handle; each says
///   how long they are valid.
/// - Structs begin with `struct_size = sizeof(the struct)`; all else zero is the default. An app
///   that was built with an older header runs with a newer library, and one of a newer header with
///   an older library as long as it leaves what that does not know at zero (else
///   MASR_INVALID_ARGUMENT). masr_tensor, masr_value and callbacks never change.
/// - No global state: any number of handles live side by side, each with threads of its own.
/// - Thread safety: one call at a time with a handle, from any thread; a second one at the same
///   time gets MASR_BUSY and does nothing. What may be called otherwise says so: "any thread".
///   Creating and destroying must not overlap with other calls of that handle.
/// - The library prints nothing, ends no process and throws nothing. What it needs much memory for
///   is asked for so that it can be refused (MASR_NO_SPACE). Should even small pieces run out in
///   the middle of a call, that is MASR_NO_SPACE too, and the handle refuses everything but to be
///   destroyed; this holds for the calling thread, and so with threads = 1. On a thread of the
///   library's own the C++ runtime then ends the process.
/// - It computes in the default floating-point mode (round to nearest, denormal numbers, no traps)
///   whatever the caller's is, which is as it was after a call, and after loading.
/// - Text is UTF-8 and ends with NUL. Audio is mono, float, in [-1, 1]. Matrices are row-major.
#ifndef MOBILEASR_MOBILEASR_H_
#define MOBILEASR_MOBILEASR_H_

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// What a shared library shows.
#if defined(__GNUC__)
#define MASR_API __attribute__((visibility("default")))
#else
#define MASR_API
#endif

/// Of this header. A library of the same number serves it; see masr_abi_version().
#define MASR_ABI_VERSION 1

/// @name Status
/// @{

/// How a call ended.
typedef enum masr_status {
  MASR_OK = 0,                ///< done
  MASR_INVALID_ARGUMENT = 1,  ///< the caller's value is wrong; the message says what would be right
  MASR_NOT_FOUND = 2,         ///< a file, tensor, function or index does not exist
  MASR_CORRUPT = 3,           ///< bytes that do not follow their format
  MASR_UNSUPPORTED = 4,       ///< well-formed, but nothing that this build can do
  MASR_IO = 5,                ///< the system refused to read or write
  MASR_NO_SPACE = 6,          ///< a disk, memory or a memory budget is too small
  MASR_CANCELLED = 7,  ///< stopped by masr_model_set_cancelled() or masr_owner_set_cancelled()
  MASR_DIVERGED = 8,   ///< training left the finite numbers; the update was not made
  MASR_BUFFER_TOO_SMALL = 9,  ///< sizes were written, nothing else was done
  MASR_BUSY = 10              ///< another call with this handle has not returned yet
} masr_status;

/// "MASR_NOT_FOUND"; "unknown" for other numbers. Valid for ever. Any thread.
MASR_API const char* masr_status_name(masr_status status);
/// MASR_ABI_VERSION of the library that runs. Any thread.
MASR_API uint32_t masr_abi_version(void);
/// "0.1.0". Valid for ever. Any thread.
MASR_API const char* masr_version(void);
/// @}

/// @name A recogniser
/// @{

/// A recogniser that runs and learns. Made by masr_model_create().
typedef struct masr_model masr_model;

/// Of masr_model_create().
typedef struct masr_model_options {
  size_t struct_size;  ///< sizeof(masr_model_options)
  int32_t threads;     ///< to compute with, the calling one among them; 0: one for each core
} masr_model_options;

/// Makes a handle without a recogniser; masr_load() comes next. `options` may be NULL.
/// @param[out] model to be given to masr_model_destroy(); NULL where it fails
/// @return MASR_INVALID_ARGUMENT for a NULL `model`, another struct_size, threads below 0 or above
/// 1024
MASR_API masr_status masr_model_create(const masr_model_options* options, masr_model** model);
/// NULL is fine.
MASR_API void masr_model_destroy(masr_model* model);
/// What was wrong with the last call that failed, in words; "" after one that did not. Valid until
/// the next call.
MASR_API const char* masr_model_error(const masr_model* model);
/// While `cancelled` is not 0, calls that take long end with MASR_CANCELLED at their next
/// opportunity (between the micro-batches of an update, between groups of utterances), having
/// changed nothing, and new ones at once. Any thread, at any time between masr_model_create() and
/// masr_model_destroy().
MASR_API masr_status masr_model_set_cancelled(masr_model* model, int32_t cancelled);
/// The recogniser of a model file, which must not be overwritten in place while it is used (what
/// frozen weights it has is mapped; replacing the file by another is fine). Training options and
/// learned weights of the handle are forgotten.
/// @return MASR_NOT_FOUND, MASR_CORRUPT, MASR_UNSUPPORTED; the recogniser that was there stays
MASR_API masr_status masr_load(masr_model* model, const char* path);

/// Of masr_describe().
typedef struct masr_model_info {
  size_t struct_size;      ///< sizeof(masr_model_info)
  const char* name;        ///< valid until masr_load() or masr_restore()
  int32_t sample_rate_hz;  ///< of the audio that it hears
  int32_t mels;            ///< width of its features
  double frame_seconds;    ///< of audio, from a feature frame to the next
  double row_seconds;      ///< of audio, from a row of probabilities to the next
  int32_t tokens;          ///< width of its probabilities, the CTC blank (token 0) among them
  int32_t blocks;     ///< in which it can be frozen, from the input up; the last one is the head
  size_t parameters;  ///< of masr_parameter_at()
  size_t weights;     ///< of masr_get_weights(): those that learn
  int64_t trainable_count;  ///< numbers that learn
  int64_t steps;            ///< updates so far, those before a masr_restore() among them
} masr_model_info;

/// What it is. `weights` and `trainable_count` are 0 until masr_configure(), or a call that implies
/// it.
MASR_API masr_status masr_describe(masr_model* model, masr_model_info* info);
/// Text of a token; "" of the blank. Valid until masr_load() or masr_restore().
/// @return MASR_NOT_FOUND beyond the last one
MASR_API masr_status masr_token(masr_model* model, int32_t token, const char** text);
/// An audio file (WAV, FLAC, Ogg, Opus, MP3) at the recogniser's rate, mono.
/// @param[out] samples [*count]; NULL: only the size is wanted
/// @param[in,out] count room in `samples`, and how many there are
/// @return MASR_BUFFER_TOO_SMALL with *count; MASR_NOT_FOUND, MASR_CORRUPT; MASR_INVALID_ARGUMENT
/// for more than an hour
MASR_API masr_status masr_read_audio(masr_model* model, const char* path, float* samples,
                                     size_t* count);
/// @}

/// @name What learns
/// @{

/// Which parameters of the blocks that learn.
typedef enum masr_tuning {
  MASR_TUNE_FULL = 0,     ///< all of them
  MASR_TUNE_VECTORS = 1,  ///< biases, norms and filters, and the whole head
  MASR_TUNE_LORA = 2,     ///< the same, and a low-rank pair beside each matrix of a linear layer
  MASR_TUNE_ADAPTERS = 3  ///< as vectors, and a bottleneck behind each block, which the model keeps
} masr_tuning;

/// Of masr_configure() and of rounds.
typedef struct masr_training_options {
  size_t struct_size;      ///< sizeof(masr_training_options)
  int32_t freeze_blocks;   ///< the lowest so many stay as they are
  int32_t tuning;          ///< ::masr_tuning
  int32_t lora_rank;       ///< 0: 8
  int32_t optimizer_bits;  ///< of each number that AdamW remembers: 32 or 8; 0: 32
  int32_t parts;  ///< computed one after the other, for less memory and the same bits; 0: 1
  double micro_batch_seconds;  ///< of speech computed at a time, at least an utterance; 0: all of a
                               ///< batch
  double
      learning_rate;  ///< 0: 3e-4, of LoRA 1e-3 (of rounds: the peak, which LoRA takes 3.3 times)
  uint64_t seed;      ///< of dropout and of the first values of LoRA and adapters; 0: 1
  int32_t adapter_width;  ///< of MASR_TUNE_ADAPTERS; 0: 16
  double longest_s;       ///< of rounds: utterances that are longer take no part; 0: all do
} masr_training_options;

/// Chooses what learns, before the first update. NULL: the defaults, which calls that need it
/// choose themselves.
/// @return MASR_INVALID_ARGUMENT for what the recogniser does not have, and once something learns
/// already (masr_load() begins anew)
MASR_API masr_status masr_configure(masr_model* model, const masr_training_options* options);
/// For the updates from now on; part of what masr_save() writes.
/// @return MASR_INVALID_ARGUMENT outside [0, 1]
MASR_API masr_status masr_set_learning_rate(masr_model* model, double learning_rate);
/// Forgets what the optimizer remembers and counts steps from 0; the weights stay.
MASR_API masr_status masr_reset_optimizer(masr_model* model);
/// @}

/// @name The six functions
/// @{

/// Utterances, as audio or as features, one after the other. Everything is the caller's and only
/// read.
typedef struct masr_speech {
  size_t struct_size;      ///< sizeof(masr_speech)
  size_t count;            ///< utterances
  const float* audio;      ///< [sum of lengths] samples; NULL where there are features
  const float* features;   ///< [sum of lengths, mels] log-mel frames, normalised as the model's
                           ///< configuration says
  const int64_t* lengths;  ///< [count] samples, or frames, of each utterance
  int32_t sample_rate_hz;  ///< of the audio; 0: the recogniser's
  const char* const*
      texts;  ///< [count] what is said, for masr_train() and masr_loss(); lower case, punctuation
              ///< left out, as the library does it itself with English
} masr_speech;

/// Of masr_train().
typedef struct masr_step {
  size_t struct_size;    ///< sizeof(masr_step)
  double loss;           ///< CTC, nats per token of the texts, with dropout and before the update
  double gradient_norm;  ///< per output frame, before clipping (at 5)
  int64_t step;          ///< updates so far, this one among them
  int64_t frames;        ///< of features
  int64_t tokens;        ///< of texts
} masr_step;

/// One update on a batch: forward, CTC, backward, AdamW. The same seed, weights and batches give
/// the same bits, whatever the number of threads.
/// @param[out] step may be NULL
/// @return MASR_DIVERGED and MASR_CANCELLED: no update was made; MASR_INVALID_ARGUMENT: an
/// utterance is too short for its text, a text has a character that the model lacks, a sample is
/// not finite; the message names the utterance
MASR_API masr_status masr_train(masr_model* model, const masr_speech* speech, masr_step* step);

/// Of masr_infer().
typedef struct masr_inference {
  size_t struct_size;          ///< sizeof(masr_inference)
  float* probabilities;        ///< [total_rows, tokens], each row sums to 1; NULL: not wanted
  size_t probabilities_count;  ///< room there, in floats; after the call what was needed
  int64_t* rows;               ///< [count] rows of each utterance; NULL: not wanted
  char* texts;         ///< `count` texts one after the other, each with its NUL; NULL: not wanted
  size_t texts_bytes;  ///< room there; after the call what was used, or is always enough
  int64_t total_rows;  ///< written by the call
} masr_inference;

/// What the recogniser hears: probabilities of its tokens for each row of the output, and the text
/// of the best path, or what masr_set_decoding() makes of it. With all three buffers NULL only the
/// sizes are written, at once: of audio at another rate than the recogniser's, and of texts, they
/// are what is always enough. An utterance should not be much longer than 30 s: memory grows with
/// the square.
/// @return MASR_BUFFER_TOO_SMALL with the sizes; MASR_INVALID_ARGUMENT for utterances that are too
/// short
MASR_API masr_status masr_infer(masr_model* model, const masr_speech* speech,
                                masr_inference* inference);

/// CTC loss of a batch without dropout and without an update.
/// @param[out] loss nats per token of all texts; may be NULL
/// @param[out] losses [speech->count] nats of each utterance; may be NULL
MASR_API masr_status masr_loss(masr_model* model, const masr_speech* speech, double* loss,
                               float* losses);

/// Writes a checkpoint: weights that learn, optimizer, steps, seed, training options. Atomic and
/// durable: after a crash at any instant there is the old file or the new one.
/// @return MASR_NOT_FOUND (the folder), MASR_IO, MASR_NO_SPACE; the old file is as it was
MASR_API masr_status masr_save(masr_model* model, const char* path);
/// Goes on from a checkpoint, to the same bits as if there had been no break. The handle has loaded
/// the same model file. Takes the checkpoint's training options; where masr_configure() has named
/// another sub-model, it is refused.
/// @return MASR_NOT_FOUND, MASR_CORRUPT (a damaged file; another sub-model), MASR_INVALID_ARGUMENT
/// (of another model)
MASR_API masr_status masr_restore(masr_model* model, const char* path);

/// Types of numbers.
typedef enum masr_dtype {
  MASR_F32 = 1,   ///< float
  MASR_F64 = 2,   ///< double
  MASR_I32 = 3,   ///< int32_t
  MASR_I64 = 4,   ///< int64_t
  MASR_U8 = 5,    ///< bytes; texts are UTF-8 of this type, without NUL
  MASR_BF16 = 6,  ///< the upper half of a float; of parameters only
  MASR_I8 = 7     ///< with a scale for each row; of parameters only
} masr_dtype;

/// The most dimensions that anything here has.
#define MASR_MAX_RANK 4

/// One tensor of the recogniser. What a choice of the sub-model goes by.
typedef struct masr_parameter {
  size_t struct_size;  ///< sizeof(masr_parameter)
  const char* name;  ///< "blocks.3.conv.pointwise1.weight"; valid until another model or sub-model
  int32_t dtype;     ///< ::masr_dtype, as it is stored
  int32_t rank;      ///< of its shape
  int64_t shape[MASR_MAX_RANK];  ///< a matrix is [outputs, inputs]; 1 beyond the rank
  int64_t bytes;                 ///< as it is stored
  int32_t trainable;       ///< 1: it learns; 0: it is frozen; -1: it cannot learn (statistics)
  int32_t block;           ///< of masr_model_info::blocks
  const char* block_name;  ///< "blocks.3", "head"; as long as `name`
  int64_t training_bytes;  ///< while it learns: value, gradient, optimizer
  double block_forward_seconds;   ///< of its block for a second of speech; 0 until masr_measure()
  double block_backward_seconds;  ///< the same; all lower blocks that learn need it of those above
                                  ///< them
  double update_seconds;          ///< of an update of this parameter; 0 until masr_measure()
} masr_parameter;

/// Parameter number `index` of masr_model_info::parameters, from the input up.
/// @return MASR_NOT_FOUND beyond the last one
MASR_API masr_status masr_parameter_at(masr_model* model, size_t index, masr_parameter* parameter);
/// Times each block on this device, in a second or two, for masr_parameter_at(). Takes up to 40 MB
/// meanwhile.
MASR_API masr_status masr_measure(masr_model* model);
/// @}

/// @name Weights as arrays, and the model as a file
/// @{

/// A named array. This struct never changes.
typedef struct masr_tensor {
  const char* name;              ///< of what it is
  int32_t dtype;                 ///< ::masr_dtype
  int32_t rank;                  ///< 0 to MASR_MAX_RANK; 0: one number
  int64_t shape[MASR_MAX_RANK];  ///< 1 beyond the rank
  void* data;                    ///< the caller's
  size_t bytes;                  ///< there
} masr_tensor;

/// The weights that learn, each a flat array of floats, in the order of the parameters. Names and
/// shapes are written to each tensor (names valid until another model is loaded or restored);
/// values where `data` is not NULL, which `bytes` are room for.
/// @param[out] tensors [*count]; NULL: only the number is wanted
/// @param[in,out] count room in `tensors`, and how many there are
/// @return MASR_BUFFER_TOO_SMALL with *count, or with `bytes` of each
MASR_API masr_status masr_get_weights(masr_model* model, masr_tensor* tensors, size_t* count);
/// Sets all weights that learn, in any order. The optimizer remembers what it did
/// (masr_reset_optimizer()).
/// @return MASR_INVALID_ARGUMENT if a name or a shape is another one or missing or a value is not
/// finite: the message has the names and the shapes of both, and nothing was set
MASR_API masr_status masr_set_weights(masr_model* model, const masr_tensor* tensors, size_t count);

/// How weights are written.
typedef enum masr_format {
  MASR_FORMAT_AS_STORED = 0,  ///< what is frozen as it was, what learns as bf16
  MASR_FORMAT_F32 = 1,        ///< everything
  MASR_FORMAT_BF16 = 2,       ///< matrices; vectors are f32
  MASR_FORMAT_INT8 = 3        ///< matrices; vectors are f32
} masr_format;

/// Writes a model file for masr_load(): the recogniser as it is now, LoRA merged. Atomic and
/// durable.
MASR_API masr_status masr_export(masr_model* model, const char* path, int32_t format);
/// @}

/// @name Texts that are likelier, and sound that is still arriving
/// @{

/// Of masr_set_decoding(): what is known of texts besides their sound.
typedef struct masr_decoding_options {
  size_t struct_size;            ///< sizeof(masr_decoding_options)
  const char* language_model;    ///< what `mobileasr lm` writes, or an ARPA file; NULL: none
  const char* hotwords;          ///< text, not a file: phrases to prefer, one a line, each perhaps
                                 ///< with " :BOOST" (docs/decoding.md); NULL: none
  double hotword_boost;          ///< nats per character of a phrase that names none; 0: 0.5
  double language_model_weight;  ///< on ln p(word); 0: 0.6
  double word_score;             ///< nats for each word
  double unknown_score;          ///< ln p of each character of an unknown word; 0: -4
  int32_t beam;                  ///< prefixes kept; 0: 64
} masr_decoding_options;

/// How the texts of masr_infer() and of streams that are made from now on are found: by a beam
/// search with a language model, hotwords, or both. NULL, and after masr_load(): the best path,
/// without anything. Probabilities and losses are not touched by it, nor is what is learned.
/// @return MASR_NOT_FOUND, MASR_CORRUPT; MASR_INVALID_ARGUMENT for a language model whose words the
/// recogniser cannot spell, and for a hotword or its boost that cannot be; then nothing has changed
MASR_API masr_status masr_set_decoding(masr_model* model, const masr_decoding_options* options);

/// A recogniser that listens. Made by masr_stream_create(). Its calls are calls of its model, which
/// runs them one at a time, has their messages (masr_model_error()), and can cancel them.
typedef struct masr_stream masr_stream;

/// Of masr_stream_create(). The windows are those of docs/streaming.md.
typedef struct masr_stream_options {
  size_t struct_size;      ///< sizeof(masr_stream_options)
  int32_t sample_rate_hz;  ///< of the sound; 0: the recogniser's
  int32_t whole;           ///< 1: nobody waits for the text: windows of 30 s, in which a recording
                           ///< is heard as by masr_infer(), and longer ones in the same memory
  double left_seconds;     ///< past of a window; 0: 2, of `whole` 5
  double chunk_seconds;    ///< what becomes final with each window; 0: 4, of `whole` 20
  double right_seconds;    ///< future of a window, for which final text waits; 0: 2, of `whole` 5
  double pause_seconds;    ///< that ends a segment; 0: 1
  int32_t texts;           ///< of a segment at most, best first; 0: 1
} masr_stream_options;

/// Makes a stream of the recogniser that is loaded, with the decoding that is set. It hears with
/// the weights as they are whenever it computes, so that training between its calls counts; after
/// masr_load() or masr_restore() it may go on with the recogniser that was there. To be destroyed
/// before its model. `options` may be NULL.
/// @param[out] stream to be given to masr_stream_destroy(); NULL where it fails
/// @return MASR_INVALID_ARGUMENT, also for windows that this recogniser cannot be run in
MASR_API masr_status masr_stream_create(masr_model* model, const masr_stream_options* options,
                                        masr_stream** stream);
/// NULL is fine.
MASR_API void masr_stream_destroy(masr_stream* stream);

/// What a piece of sound has brought.
typedef struct masr_stream_news {
  size_t struct_size;   ///< sizeof(masr_stream_news)
  size_t segments;      ///< that ended: masr_segment_at()
  int32_t partial_due;  ///< 1: masr_stream_partial() is worth its cost by now
  double seconds;       ///< of sound heard
} masr_stream_news;

/// The next `count` samples, in pieces of any size: final text does not depend on it. Some tens of
/// milliseconds at a time keep partial texts fresh.
/// @param[out] news may be NULL
/// @return MASR_INVALID_ARGUMENT for a sample that is not finite: nothing of the piece was heard.
/// After any other error the stream has forgotten what it heard, and begins another with the next
/// piece
MASR_API masr_status masr_stream_push(masr_stream* stream, const float* samples, size_t count,
                                      masr_stream_news* news);
/// What has been said since the last segment, and may read differently the next time. Computes,
/// unless nothing was heard since it last did.
/// @param[out] text valid until the next call with the stream
MASR_API masr_status masr_stream_partial(masr_stream* stream, const char** text);
/// The sound has ended: the last segment, if there is one. What is pushed next is another stream.
/// @param[out] news may be NULL
MASR_API masr_status masr_stream_finish(masr_stream* stream, masr_stream_news* news);

/// What was said between two pauses. Of the best path alone there is nothing to compare a text
/// with: confidences are NaN, and there is one text.
typedef struct masr_segment {
  size_t struct_size;    ///< sizeof(masr_segment)
  double begin_seconds;  ///< of the stream
  double end_seconds;    ///< of the stream
  const char* text;      ///< the best one
  double confidence;     ///< 0 to 1: its probability among all texts that were left
  size_t words;          ///< of masr_word_at()
  size_t texts;          ///< of masr_text_at(), the best one among them
} masr_segment;

/// A word of a segment's best text.
typedef struct masr_word {
  size_t struct_size;    ///< sizeof(masr_word)
  const char* text;      ///< the word
  double begin_seconds;  ///< of the stream
  double end_seconds;    ///< of the stream
  double confidence;     ///< 0 to 1: the share of texts, by their probability, that have it there
} masr_word;

/// One of a segment's texts.
typedef struct masr_text {
  size_t struct_size;  ///< sizeof(masr_text)
  const char* text;    ///< the text
  double score;        ///< nats
  double confidence;   ///< 0 to 1
} masr_text;

/// Segment `index` of those that the last masr_stream_push() or masr_stream_finish() brought. All
/// texts are valid until the next of these.
/// @return MASR_NOT_FOUND beyond the last one
MASR_API masr_status masr_segment_at(masr_stream* stream, size_t index, masr_segment* segment);
/// Word `index` of one of these segments.
/// @return MASR_NOT_FOUND beyond the last one
MASR_API masr_status masr_word_at(masr_stream* stream, size_t segment, size_t index,
                                  masr_word* word);
/// Text `index` of one of these segments, best first.
/// @return MASR_NOT_FOUND beyond the last one
MASR_API masr_status masr_text_at(masr_stream* stream, size_t segment, size_t index,
                                  masr_text* text);
/// @}

/// @name Functions by name
/// @{

/// An input or an output of a function. This struct never changes.
typedef struct masr_value {
  const char* name;              ///< "audio"
  int32_t dtype;                 ///< ::masr_dtype
  int32_t rank;                  ///< of its shape
  int64_t shape[MASR_MAX_RANK];  ///< -1: any length
  int32_t optional;              ///< 1: may be left out
  const char* meaning;           ///< a sentence, with the names of its dimensions and units
} masr_value;

/// A function of an app. Inputs and outputs are as its signature says, in the order of the caller.
/// It writes to `outputs[i].data`, of which there are `bytes`, and sets the shape; where that is
/// too small, the shape, and returns MASR_BUFFER_TOO_SMALL. It may call the model. It runs on the
/// thread that called, and must not throw.
typedef masr_status (*masr_function_callback)(void* user_data, masr_model* model,
                                              const masr_tensor* inputs, size_t input_count,
                                              masr_tensor* outputs, size_t output_count);

/// A row of the signature table.
typedef struct masr_function {
  size_t struct_size;           ///< sizeof(masr_function)
  const char* name;             ///< "train"
  const char* meaning;          ///< a sentence
  const masr_value* inputs;     ///< [input_count]
  size_t input_count;           ///< at most 32
  const masr_value* outputs;    ///< [output_count]
  size_t output_count;          ///< at most 32
  masr_function_callback call;  ///< of an app's function; NULL of the library's
  void* user_data;              ///< for `call`
} masr_function;

/// Row `index` of the table: the library's six first, then the app's. Pointers are valid until the
/// handle is destroyed.
/// @return MASR_NOT_FOUND beyond the last row
MASR_API masr_status masr_function_at(masr_model* model, size_t index, masr_function* function);
/// Adds an app's function. Name and signature are copied; `user_data` must live as long as the
/// handle.
/// @return MASR_INVALID_ARGUMENT for a name that is taken, and for a signature that cannot be
MASR_API masr_status masr_register(masr_model* model, const masr_function* function);
/// Calls a function of the table. Inputs and outputs are found by their names. Of each output that
/// is asked for, `data` is room for `bytes`; shape and bytes are written.
/// @return MASR_NOT_FOUND without such a function; MASR_INVALID_ARGUMENT where inputs or outputs
/// are not those of the signature; MASR_BUFFER_TOO_SMALL with the shapes of all outputs; else what
/// the function returns
MASR_API masr_status masr_call(masr_model* model, const char* function, const masr_tensor* inputs,
                               size_t input_count, masr_tensor* outputs, size_t output_count);
/// For an app's function: sets what masr_model_error() says, and returns `status`.
MASR_API masr_status masr_fail(masr_model* model, masr_status status, const char* message);
/// @}

/// @name Rounds of an owner
/// @{

/// One person's folder of rounds. Made by masr_owner_create().
typedef struct masr_owner masr_owner;

/// What a ::masr_event tells.
typedef enum masr_event_kind {
  MASR_EVENT_STEP = 1,      ///< `text`: what is being done besides training
  MASR_EVENT_PROGRESS = 2,  ///< an update: epoch, epochs, update, updates, loss, seconds_left
  MASR_EVENT_EPOCH = 3,     ///< the end of one, 0 is before the first: epoch, loss, validation_*
  MASR_EVENT_PAUSE = 4,     ///< the round waits; `text`: for what
  MASR_EVENT_HALT = 5,      ///< the round was stopped; `text`: why
  MASR_EVENT_ACCEPT = 6,    ///< what was learned is what is used from now on; `text`: why
  MASR_EVENT_KEEP = 7       ///< the recogniser stays as it was; `text`: why
} masr_event_kind;

/// Something happened in a round.
typedef struct masr_event {
  size_t struct_size;      ///< of the library's; later ones may be larger
  int32_t kind;            ///< ::masr_event_kind
  int64_t epoch;           ///< from 1
  int64_t epochs;          ///< that the round has at most
  int64_t update;          ///< of this epoch, from 1
  int64_t updates;         ///< of this epoch
  double loss;             ///< of training, nats per token
  double seconds_left;     ///< at most
  double validation_loss;  ///< on the speech kept aside, nats per token
  double validation_wer;   ///< percent
  double validation_cer;   ///< percent
  const char* text;        ///< never NULL; valid during the callback
} masr_event;

/// Called on the thread that runs the round. Calls with the same owner get MASR_BUSY, but for
/// masr_owner_set_cancelled(). It must not throw.
typedef void (*masr_event_callback)(void* user_data, const masr_event* event);

/// What an app knows of its device. It comes with nothing told; NaN: not told.
typedef struct masr_resources {
  size_t struct_size;            ///< of the library's; later ones may be larger
  double available_bytes;        ///< RAM that others can spare
  double battery_percent;        ///< 0 to 100
  double power_w;                ///< out of the battery; negative while it is charged
  double battery_temperature_c;  ///< of the battery
  double temperature_c;          ///< of the device, where it is hottest
  double temperature_limit_c;    ///< where it slows itself down
  int32_t charging;              ///< 1 or 0; -1: not told
} masr_resources;

/// A monitor: fills in what it knows, and returns 0; anything else ends the round with MASR_IO.
/// What it leaves out is read from the system's files. Called before every update, on the thread
/// that runs the round.
typedef int32_t (*masr_resource_callback)(void* user_data, masr_resources* resources);

/// Of masr_owner_create(). The user_data must live as long as the handle.
typedef struct masr_owner_options {
  size_t struct_size;                ///< sizeof(masr_owner_options)
  int32_t threads;                   ///< 0: one for each core
  masr_event_callback on_event;      ///< NULL: none
  void* event_data;                  ///< its user_data
  masr_resource_callback resources;  ///< NULL: only the system's files
  void* resource_data;               ///< its user_data
} masr_owner_options;

/// Makes a handle without a folder; masr_owner_open() comes next. `options` may be NULL.
/// @param[out] owner to be given to masr_owner_destroy(); NULL where it fails
/// @return MASR_INVALID_ARGUMENT for a NULL `owner`, another struct_size, threads below 0 or above
/// 1024
MASR_API masr_status masr_owner_create(const masr_owner_options* options, masr_owner** owner);
/// Closes the folder. NULL is fine.
MASR_API void masr_owner_destroy(masr_owner* owner);
/// As masr_model_error().
MASR_API const char* masr_owner_error(const masr_owner* owner);
/// As masr_model_set_cancelled(): any thread. A round that is stopped so is under way still: its
/// result is `unfinished`, and MASR_ROUND_RESUME goes on with it.
MASR_API masr_status masr_owner_set_cancelled(masr_owner* owner, int32_t cancelled);
/// Opens the folder, or makes it, with a copy of the model file `base`. It is this handle's until
/// another is opened or the handle is destroyed; one that was open is closed first, even if this
/// fails.
/// @return MASR_INVALID_ARGUMENT where it belongs to another base, MASR_IO where it is in use,
/// MASR_CORRUPT
MASR_API masr_status masr_owner_open(masr_owner* owner, const char* folder, const char* base);
/// Path of the model that is accepted now, for masr_load(). It stays the same; rounds replace the
/// file.
/// @param[in,out] bytes room in `path`, and how many it takes with its NUL; with a NULL `path` only
/// that
MASR_API masr_status masr_owner_model(masr_owner* owner, char* path, size_t* bytes);

/// Which round masr_owner_run() runs.
typedef enum masr_round_mode {
  MASR_ROUND_NEW = 0,  ///< a new one; refused where one is under way
  MASR_ROUND_RESUME =
      1,  ///< the one under way, with its own options; a new one where there is none
  MASR_ROUND_RESTART = 2  ///< a new one; the one under way is given up
} masr_round_mode;

/// Of masr_owner_plan() and masr_owner_run().
typedef struct masr_round_options {
  size_t struct_size;  ///< sizeof(masr_round_options)
  const char*
      data;  ///< speech with texts: NeMo JSON lines, Kaldi folder, folder of audio and .txt, TSV
  double minutes;          ///< the first so many of what is new; 0: all
  const char* general;     ///< other people's speech, which must not be forgotten; NULL: none
  const char* test;        ///< speech to measure before and after, for the record; NULL: none
  int32_t mode;            ///< ::masr_round_mode
  int32_t epochs;          ///< at most; 0: 16
  uint64_t seed;           ///< 0: 1; at most INT64_MAX
  int64_t ram_bytes;       ///< of the whole process at its peak; 0: no limit
  double seconds;          ///< of training; 0: no limit
  double battery_percent;  ///< in the battery, without a charger; 0: no limit by it
  const char* policy;      ///< JSON text: when it pauses and stops (docs/resources.md), and what
                           ///< it leaves of the device is a limit; NULL: the defaults, no limit
  const masr_training_options*
      training;  ///< what learns; NULL: planned within the limits, or everything without any
} masr_round_options;

/// Of masr_owner_plan(). Texts are valid until the next call.
typedef struct masr_plan {
  size_t struct_size;            ///< sizeof(masr_plan)
  const char* name;              ///< "top 4 blocks, LoRA 8"
  const char* why;               ///< a sentence
  int32_t freeze_blocks;         ///< as in masr_training_options, like those that follow
  int32_t tuning;                ///< ::masr_tuning
  int32_t lora_rank;             ///< of MASR_TUNE_LORA
  int32_t optimizer_bits;        ///< 32 or 8
  int32_t parts;                 ///< at least 1
  double micro_batch_seconds;    ///< 0: all of an update at once
  int64_t trainable_parameters;  ///< numbers that learn
  int64_t peak_bytes;            ///< of the process
  double seconds;                ///< of all epochs
  double joules;                 ///< of the same
  double expected_gain;          ///< share of the word errors that it takes away
  size_t candidates;             ///< that were looked at
  size_t fitting;                ///< that fit into the limits
  int32_t adapter_width;         ///< of MASR_TUNE_ADAPTERS
  double longest_s;  ///< not 0 where nothing fits but without the utterances that are longer
} masr_plan;

/// Measures what the device computes in a second, for plans: a second or two, and up to 40 MB of
/// this process meanwhile. Kept in the folder (`device.json`), for this model and as many threads.
/// A process of its own may do it, at a time of its own, and the profile be handed to others.
MASR_API masr_status masr_owner_measure(masr_owner* owner);
/// The profile that was measured, as JSON.
/// @param[in,out] bytes as in masr_owner_model()
/// @return MASR_NOT_FOUND if there is none, or one of another model or number of threads
MASR_API masr_status masr_owner_profile(masr_owner* owner, char* json, size_t* bytes);
/// Plans go by this profile, what masr_owner_profile() gave of this or another folder on the same
/// kind of device, and nothing is measured. NULL: forgets the one there is.
/// @return MASR_CORRUPT, and MASR_INVALID_ARGUMENT for one of another model or number of threads
MASR_API masr_status masr_owner_set_profile(masr_owner* owner, const char* json);
/// Which sub-model a round with these options would train, and what it would take; no round is
/// begun. Where the folder has no profile, it measures first, as masr_owner_measure(): in this
/// process. So does masr_owner_run() with limits.
/// @return MASR_NO_SPACE if nothing fits: the message names the smallest budget that would do
MASR_API masr_status masr_owner_plan(masr_owner* owner, const masr_round_options* options,
                                     masr_plan* plan);

/// Of masr_owner_run(). Texts are valid until the next call. Rates are percent, on the speech kept
/// aside.
typedef struct masr_round_result {
  size_t struct_size;     ///< sizeof(masr_round_result)
  int64_t round;          ///< its number, from 1
  int32_t accepted;       ///< 1: the accepted model is what was learned
  int32_t resumed;        ///< 1: it was under way
  int32_t unfinished;     ///< 1: it was halted, and can be resumed
  int64_t epochs;         ///< that were run
  int64_t best_epoch;     ///< 0: none was better
  double wer_before;      ///< before the first epoch
  double wer_after;       ///< of the best epoch
  double cer_before;      ///< before the first epoch
  double cer_after;       ///< of the best epoch
  double audio_seconds;   ///< learned from
  double seconds;         ///< spent
  int64_t planned_bytes;  ///< peak memory of the process, as planned
  int64_t peak_bytes;     ///< as it was
  const char* sub_model;  ///< "all blocks"
  const char* why;        ///< accepted or not, a sentence
  const char* halted_by;  ///< "battery", "owner", ...; "": it ended by itself
} masr_round_result;

/// Runs a round: learns from new speech and some of the old, judges what was learned on speech kept
/// aside, and accepts it or keeps what was. Survives a crash at any instant (MASR_ROUND_RESUME).
/// @param[out] result may be NULL
/// @return MASR_OK for a round that ended, accepted or not, or was halted. An error leaves the
/// accepted model as it was and the round under way
MASR_API masr_status masr_owner_run(masr_owner* owner, const masr_round_options* options,
                                    masr_round_result* result);
/// The model before the last accepted one is used again; one step back at most.
/// @return MASR_NOT_FOUND if there is none
MASR_API masr_status masr_owner_rollback(masr_owner* owner);
/// All rounds, as a JSON object {"rounds": [...]}, oldest first.
/// @param[in,out] bytes as in masr_owner_model()
MASR_API masr_status masr_owner_history(masr_owner* owner, char* json, size_t* bytes);
/// All rounds as an HTML page of one file. Atomic and durable.
MASR_API masr_status masr_owner_report(masr_owner* owner, const char* path);
/// @}

#ifdef __cplusplus
}
#endif

#endif  // MOBILEASR_MOBILEASR_H_
