package org.mobileasr;

import java.util.Collections;
import java.util.List;

/** What a function of the recogniser takes and gives: a row of the signature table. */
public final class Signature {
  /** An input or an output. */
  public static final class Value {
    /** "audio". */
    public final String name;
    /** "f32", "f64", "i32", "i64", "u8" (text is UTF-8 of this type). */
    public final String type;
    /** -1: any length; empty: one number. */
    public final long[] shape;
    /** Whether it may be left out. */
    public final boolean optional;
    /** A sentence, with the names of its dimensions and units. */
    public final String meaning;

    Value(String name, String type, long[] shape, boolean optional, String meaning) {
      this.name = name;
      this.type = type;
      this.shape = shape;
      this.optional = optional;
      this.meaning = meaning;
    }
  }

  /** "train". */
  public final String name;
  /** A sentence. */
  public final String meaning;
  /** What it takes. */
  public final List<Value> inputs;
  /** What it gives. */
  public final List<Value> outputs;

  Signature(String name, String meaning, List<Value> inputs, List<Value> outputs) {
    this.name = name;
    this.meaning = meaning;
    this.inputs = Collections.unmodifiableList(inputs);
    this.outputs = Collections.unmodifiableList(outputs);
  }
}
