package org.mobileasr;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** Texts as the library has them: UTF-8 that ends with NUL (JNI's own strings are another code). */
final class Utf8 {
  private Utf8() {}

  /** Null stays null. */
  static byte[] of(String text) {
    if (text == null) {
      return null;
    }
    if (text.indexOf('\0') >= 0) {
      throw MobileAsrException.invalid("a text must not hold the character NUL");
    }
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    return java.util.Arrays.copyOf(bytes, bytes.length + 1);
  }

  static byte[] needed(String name, String text) {
    if (text == null) {
      throw MobileAsrException.invalid(name + " must not be null");
    }
    return of(text);
  }

  /** One after the other, each with its NUL. */
  static byte[] of(List<String> texts) {
    ByteArrayOutputStream joined = new ByteArrayOutputStream();
    for (String text : texts) {
      byte[] bytes = needed("a text", text);
      joined.write(bytes, 0, bytes.length);
    }
    return joined.toByteArray();
  }

  /** The first {@code count} texts, each of which ends with NUL. */
  static String[] split(byte[] joined, int count) {
    String[] texts = new String[count];
    int begin = 0;
    for (int i = 0; i < count; ++i) {
      int end = begin;
      while (joined[end] != 0) {
        ++end;
      }
      texts[i] = new String(joined, begin, end - begin, StandardCharsets.UTF_8);
      begin = end + 1;
    }
    return texts;
  }
}
