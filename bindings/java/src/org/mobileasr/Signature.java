package org.mobileasr;

import java.util.ArrayList;
import java.util.Arrays;
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

    /** As the fields say. */
    public Value(String name, String type, long[] shape, boolean optional, String meaning) {
      this.name = name;
      this.type = type;
      this.shape = shape;
      this.optional = optional;
      this.meaning = meaning;
    }

    /** Of a shape without a dimension of any length; 0 of others. */
    long fixedBytes() {
      long bytes = type.equals("u8") ? 1 : type.endsWith("32") ? 4 : 8;
      for (long dimension : shape) {
        bytes *= Math.max(0, dimension);
      }
      return bytes;
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

  /** For {@link Model#register}. */
  public Signature(String name, String meaning, List<Value> inputs, List<Value> outputs) {
    this.name = name;
    this.meaning = meaning;
    this.inputs = Collections.unmodifiableList(inputs);
    this.outputs = Collections.unmodifiableList(outputs);
  }

  /** Inputs, outputs; then of each value type, optional, rank and so many of its shape. */
  static Signature of(byte[] texts, long[] numbers) {
    int inputs = (int) numbers[0];
    int values = inputs + (int) numbers[1];
    String[] names = Utf8.split(texts, 2 + 2 * values);
    List<Value> in = new ArrayList<>();
    List<Value> out = new ArrayList<>();
    int at = 2;
    for (int v = 0; v < values; ++v) {
      String type = Functions.TYPES[(int) numbers[at]];
      boolean optional = numbers[at + 1] != 0;
      int rank = (int) numbers[at + 2];
      long[] shape = Arrays.copyOfRange(numbers, at + 3, at + 3 + rank);
      at += 3 + rank;
      (v < inputs ? in : out)
          .add(new Value(names[2 + 2 * v], type, shape, optional, names[3 + 2 * v]));
    }
    return new Signature(names[0], names[1], in, out);
  }

  byte[] texts() {
    List<String> texts = new ArrayList<>(Arrays.asList(name, meaning));
    for (Value value : values()) {
      texts.add(value.name);
      texts.add(value.meaning);
    }
    return Utf8.of(texts);
  }

  long[] numbers() {
    List<Long> numbers = new ArrayList<>();
    numbers.add((long) inputs.size());
    numbers.add((long) outputs.size());
    for (Value value : values()) {
      numbers.add((long) Functions.type(value.type));
      numbers.add(value.optional ? 1L : 0);
      numbers.add((long) value.shape.length);
      for (long dimension : value.shape) {
        numbers.add(dimension);
      }
    }
    return numbers.stream().mapToLong(Long::longValue).toArray();
  }

  private List<Value> values() {
    List<Value> values = new ArrayList<>(inputs);
    values.addAll(outputs);
    return values;
  }
}
