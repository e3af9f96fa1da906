package org.mobileasr;

/** How weights are written: {@code masr_format}. */
public enum Format {
  /** What is frozen as it was, what learns as bf16. */
  AS_STORED,
  /** Everything. */
  F32,
  /** Matrices; vectors are f32. */
  BF16,
  /** Matrices; vectors are f32. */
  INT8
}
