package org.mobileasr;

import java.nio.charset.StandardCharsets;

/** Why a call failed: the library's code and its message, which says what to do. */
public final class MobileAsrException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final int code;

  /** Called by the native side: the message as UTF-8. */
  MobileAsrException(int code, byte[] message) {
    this(code, new String(message, StandardCharsets.UTF_8));
  }

  MobileAsrException(int code, String message) {
    super(message);
    this.code = code;
  }

  static MobileAsrException invalid(String message) {
    return new MobileAsrException(Status.INVALID_ARGUMENT.ordinal(), message);
  }

  /** The number in {@code mobileasr.h}. */
  public int code() {
    return code;
  }

  /** The same, named. */
  public Status status() {
    return Status.of(code);
  }
}
