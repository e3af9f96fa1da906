#include <jni.h>

#include <cfenv>

// A library that was linked with -ffast-math (Debian's SoundTouch) turns denormal numbers into
// zeros for the whole thread that loads it, which Java's arithmetic does not allow.
extern "C" JNIEXPORT jint JNICALL JNI_OnLoad(JavaVM*, void*) {
  std::fesetenv(FE_DFL_ENV);
  return JNI_VERSION_1_6;
}
