package org.mobileasr;

/** How a call ended: {@code masr_status} of {@code mobileasr.h}. */
public enum Status {
  /** Done. */
  OK,
  /** The caller's value is wrong; the message says what would be right. */
  INVALID_ARGUMENT,
  /** A file, tensor, function or index does not exist. */
  NOT_FOUND,
  /** Bytes that do not follow their format. */
  CORRUPT,
  /** Well-formed, but nothing that this build can do. */
  UNSUPPORTED,
  /** The system refused to read or write. */
  IO,
  /** A disk, memory or a memory budget is too small. */
  NO_SPACE,
  /** Stopped by {@code setCancelled}. */
  CANCELLED,
  /** Training left the finite numbers; the update was not made. */
  DIVERGED,
  /** Sizes were written, nothing else was done. The Java classes never let it out. */
  BUFFER_TOO_SMALL,
  /** Another call with this handle has not returned yet. */
  BUSY,
  /** A code of a later version of the library. */
  UNKNOWN;

  static Status of(int code) {
    return code >= 0 && code < UNKNOWN.ordinal() ? values()[code] : UNKNOWN;
  }
}
