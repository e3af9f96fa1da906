// Native.java's calls of masr_owner, and the way back: a listener and a monitor in Java.
#include <jni.h>
#include <mobileasr/mobileasr.h>

#include <memory>
#include <string>
#include <vector>

#include "java_values.h"

namespace mobileasr::java {
namespace {

// What a handle of Java's points to. Callbacks come on the thread that runs the round, during the
// call: the rest is of that call alone.
struct JavaOwner {
  masr_owner* owner = nullptr;
  JNIEnv* env = nullptr;
  jobject callbacks = nullptr;
  jmethodID event = nullptr;
  jmethodID resources = nullptr;
  jthrowable thrown = nullptr;  // by a callback
};

// Keeps what a callback has thrown for the end of the call, and stops the round; true where it has.
// The C library knows nothing of exceptions, and with one pending hardly anything can be called.
bool TakeThrown(JavaOwner& owner) {
  if (owner.env->ExceptionCheck() == JNI_FALSE) return false;
  owner.thrown = owner.env->ExceptionOccurred();
  owner.env->ExceptionClear();
  masr_owner_set_cancelled(owner.owner, 1);  // Java takes it back when the call is over
  return true;
}

void OnEvent(void* user_data, const masr_event* event) {
  auto& owner = *static_cast<JavaOwner*>(user_data);
  if (owner.thrown != nullptr) return;
  JNIEnv* env = owner.env;
  const std::string_view text = event->text;
  const auto size = static_cast<jsize>(text.size());
  const Local<jbyteArray> bytes(env, env->NewByteArray(size));
  if (TakeThrown(owner)) return;
  env->SetByteArrayRegion(bytes.get(), 0, size, reinterpret_cast<const jbyte*>(text.data()));
  if (TakeThrown(owner)) return;
  env->CallVoidMethod(owner.callbacks, owner.event, static_cast<jint>(event->kind), event->epoch,
                      event->epochs, event->update, event->updates, event->loss,
                      event->seconds_left, event->validation_loss, event->validation_wer,
                      event->validation_cer, bytes.get());
  TakeThrown(owner);
}

int32_t OnResources(void* user_data, masr_resources* resources) {
  auto& owner = *static_cast<JavaOwner*>(user_data);
  if (owner.thrown != nullptr) return 1;
  JNIEnv* env = owner.env;
  const Local<jdoubleArray> told(env, env->CallObjectMethod(owner.callbacks, owner.resources));
  if (TakeThrown(owner)) return 1;
  jdouble values[7];
  env->GetDoubleArrayRegion(told.get(), 0, 7, values);
  if (TakeThrown(owner)) return 1;
  resources->available_bytes = values[0];
  resources->battery_percent = values[1];
  resources->power_w = values[2];
  resources->battery_temperature_c = values[3];
  resources->temperature_c = values[4];
  resources->temperature_limit_c = values[5];
  resources->charging = static_cast<int32_t>(values[6]);
  return 0;
}

// The Java side of a call, for as long as it takes.
class CallOf {
 public:
  CallOf(JNIEnv* env, JavaOwner& owner, jobject callbacks) : owner_(owner) {
    const Local<jclass> type(env, env->GetObjectClass(callbacks));
    owner.event = env->GetMethodID(type.get(), "event", "(IJJJJDDDDD[B)V");
    CheckPending(env);
    owner.resources = env->GetMethodID(type.get(), "resources", "()[D");
    CheckPending(env);
    owner.env = env;
    owner.callbacks = callbacks;
    owner.thrown = nullptr;
  }
  ~CallOf() {
    owner_.env = nullptr;
    owner_.callbacks = nullptr;
    owner_.thrown = nullptr;
  }
  CallOf(const CallOf&) = delete;
  CallOf& operator=(const CallOf&) = delete;

  // What a callback has thrown comes before what the library made of it.
  void End(masr_status status) const {
    if (owner_.thrown != nullptr) {
      owner_.env->Throw(owner_.thrown);
      throw Pending();
    }
    Check(owner_.env, owner_.owner, status);
  }

 private:
  JavaOwner& owner_;
};

// RoundOptions.java as a masr_round_options.
class RoundOptions {
 public:
  RoundOptions(JNIEnv* env, jobjectArray texts, jlongArray integers, jdoubleArray reals,
               jlongArray training_integers, jdoubleArray training_reals) {
    for (jsize i = 0; i < 4; ++i) {
      const Local<jbyteArray> each(env, env->GetObjectArrayElement(texts, i));
      CheckPending(env);
      texts_.push_back(std::make_unique<Text>(env, each.get()));
    }
    const std::vector<jlong> whole = Longs(env, integers);
    const std::vector<jdouble> real = Doubles(env, reals);
    options_.struct_size = sizeof(options_);
    options_.data = texts_[0]->get();
    options_.general = texts_[1]->get();
    options_.test = texts_[2]->get();
    options_.policy = texts_[3]->get();
    options_.mode = static_cast<int32_t>(whole[0]);
    options_.epochs = static_cast<int32_t>(whole[1]);
    options_.seed = static_cast<uint64_t>(whole[2]);
    options_.ram_bytes = whole[3];
    options_.minutes = real[0];
    options_.seconds = real[1];
    options_.battery_percent = real[2];
    if (training_integers == nullptr) return;
    training_ = Training(env, training_integers, training_reals);
    options_.training = &training_;
  }
  RoundOptions(const RoundOptions&) = delete;
  RoundOptions& operator=(const RoundOptions&) = delete;
  const masr_round_options* get() const { return &options_; }

 private:
  std::vector<std::unique_ptr<Text>> texts_;
  masr_training_options training_ = {};
  masr_round_options options_ = {};
};

// A call that gives nothing.
template <class Body>
void Do(JNIEnv* env, jlong address, const Body& body) {
  Method(env, [&] {
    masr_owner* owner = At<JavaOwner>(address)->owner;
    Check(env, owner, body(owner));
  });
}

// A text of the library's, for which it says how long it is.
jbyteArray Read(JNIEnv* env, jlong address, masr_status (*read)(masr_owner*, char*, size_t*)) {
  return Method(env, [&] {
    masr_owner* owner = At<JavaOwner>(address)->owner;
    size_t bytes = 0;
    Check(env, owner, read(owner, nullptr, &bytes));
    std::string text(bytes, '\0');
    Check(env, owner, read(owner, text.data(), &bytes));
    return ToJava(env, std::string_view(text));
  });
}

}  // namespace
}  // namespace mobileasr::java

using namespace mobileasr::java;  // NOLINT(google-build-using-namespace): this file is its border

extern "C" {

JNIEXPORT jlong JNICALL Java_org_mobileasr_Native_ownerCreate(JNIEnv* env, jclass, jint threads,
                                                              jboolean has_monitor) {
  return Method(env, [&]() -> jlong {
    auto owner = std::make_unique<JavaOwner>();
    masr_owner_options options = {};
    options.struct_size = sizeof(options);
    options.threads = threads;
    options.on_event = OnEvent;
    options.event_data = owner.get();
    if (has_monitor != JNI_FALSE) {
      options.resources = OnResources;
      options.resource_data = owner.get();
    }
    const masr_status status = masr_owner_create(&options, &owner->owner);
    if (status == MASR_NO_SPACE) throw std::bad_alloc();
    if (status != MASR_OK) Fail(env, status, "threads must be from 1 to 1024, or 0");
    return reinterpret_cast<jlong>(owner.release());
  });
}

JNIEXPORT void JNICALL Java_org_mobileasr_Native_ownerDestroy(JNIEnv*, jclass, jlong address) {
  const std::unique_ptr<JavaOwner> owner(At<JavaOwner>(address));
  masr_owner_destroy(owner->owner);
}

JNIEXPORT void JNICALL Java_org_mobileasr_Native_ownerSetCancelled(JNIEnv*, jclass, jlong address,
                                                                   jboolean cancelled) {
  masr_owner_set_cancelled(At<JavaOwner>(address)->owner, cancelled != JNI_FALSE ? 1 : 0);
}

JNIEXPORT void JNICALL Java_org_mobileasr_Native_ownerOpen(JNIEnv* env, jclass, jlong address,
                                                           jbyteArray folder, jbyteArray base) {
  Do(env, address, [&](masr_owner* owner) {
    return masr_owner_open(owner, Text(env, folder).get(), Text(env, base).get());
  });
}

JNIEXPORT jbyteArray JNICALL Java_org_mobileasr_Native_ownerModel(JNIEnv* env, jclass,
                                                                  jlong address) {
  return Read(env, address, masr_owner_model);
}

JNIEXPORT void JNICALL Java_org_mobileasr_Native_ownerMeasure(JNIEnv* env, jclass, jlong address,
                                                              jobject callbacks) {
  Method(env, [&] {
    auto& owner = *At<JavaOwner>(address);
    const CallOf call(env, owner, callbacks);
    call.End(masr_owner_measure(owner.owner));
  });
}

JNIEXPORT jbyteArray JNICALL Java_org_mobileasr_Native_ownerProfile(JNIEnv* env, jclass,
                                                                    jlong address) {
  return Read(env, address, masr_owner_profile);
}

JNIEXPORT void JNICALL Java_org_mobileasr_Native_ownerSetProfile(JNIEnv* env, jclass, jlong address,
                                                                 jbyteArray json) {
  Do(env, address,
     [&](masr_owner* owner) { return masr_owner_set_profile(owner, Text(env, json).get()); });
}

JNIEXPORT jbyteArray JNICALL Java_org_mobileasr_Native_ownerPlan(
    JNIEnv* env, jclass, jlong address, jobject callbacks, jobjectArray texts, jlongArray integers,
    jdoubleArray reals, jlongArray training_integers, jdoubleArray training_reals,
    jlongArray plan_integers, jdoubleArray plan_reals) {
  return Method(env, [&] {
    auto& owner = *At<JavaOwner>(address);
    const RoundOptions options(env, texts, integers, reals, training_integers, training_reals);
    masr_plan plan = {};
    plan.struct_size = sizeof(plan);
    const CallOf call(env, owner, callbacks);
    call.End(masr_owner_plan(owner.owner, options.get(), &plan));
    Write(env, plan_integers,
          {plan.freeze_blocks, plan.tuning, plan.lora_rank, plan.optimizer_bits, plan.parts,
           plan.trainable_parameters, plan.peak_bytes, static_cast<jlong>(plan.candidates),
           static_cast<jlong>(plan.fitting), plan.adapter_width});
    Write(
        env, plan_reals,
        {plan.micro_batch_seconds, plan.seconds, plan.joules, plan.expected_gain, plan.longest_s});
    return ToJava(env, {plan.name, plan.why});
  });
}

JNIEXPORT jbyteArray JNICALL Java_org_mobileasr_Native_ownerRun(
    JNIEnv* env, jclass, jlong address, jobject callbacks, jobjectArray texts, jlongArray integers,
    jdoubleArray reals, jlongArray training_integers, jdoubleArray training_reals,
    jlongArray result_integers, jdoubleArray result_reals) {
  return Method(env, [&] {
    auto& owner = *At<JavaOwner>(address);
    const RoundOptions options(env, texts, integers, reals, training_integers, training_reals);
    masr_round_result result = {};
    result.struct_size = sizeof(result);
    const CallOf call(env, owner, callbacks);
    call.End(masr_owner_run(owner.owner, options.get(), &result));
    Write(env, result_integers,
          {result.round, result.accepted, result.resumed, result.unfinished, result.epochs,
           result.best_epoch, result.planned_bytes, result.peak_bytes});
    Write(env, result_reals,
          {result.wer_before, result.wer_after, result.cer_before, result.cer_after,
           result.audio_seconds, result.seconds});
    return ToJava(env, {result.sub_model, result.why, result.halted_by});
  });
}

JNIEXPORT void JNICALL Java_org_mobileasr_Native_ownerRollback(JNIEnv* env, jclass, jlong address) {
  Do(env, address, masr_owner_rollback);
}

JNIEXPORT jbyteArray JNICALL Java_org_mobileasr_Native_ownerHistory(JNIEnv* env, jclass,
                                                                    jlong address) {
  return Read(env, address, masr_owner_history);
}

JNIEXPORT void JNICALL Java_org_mobileasr_Native_ownerReport(JNIEnv* env, jclass, jlong address,
                                                             jbyteArray path) {
  Do(env, address,
     [&](masr_owner* owner) { return masr_owner_report(owner, Text(env, path).get()); });
}

}  // extern "C"
