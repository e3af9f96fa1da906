package org.mobileasr;

import java.nio.charset.StandardCharsets;

/**
 * Numbers of a type and a shape, as functions take and give them: {@code masr_tensor}. The array
 * that it is made of is not copied.
 */
public final class Tensor {
  /** As in {@link Signature.Value#type}. */
  public final String type;
  /** Empty: one number. */
  public final long[] shape;
  final Object values; // an array of the type

  Tensor(String type, Object values, long[] shape) {
    this.type = type;
    this.values = values;
    this.shape = shape;
  }

  /** Values row by row; without a shape they have one dimension. */
  public static Tensor of(float[] values, long... shape) {
    return made("f32", values, values.length, shape);
  }

  /** Values row by row; without a shape they have one dimension. */
  public static Tensor of(double[] values, long... shape) {
    return made("f64", values, values.length, shape);
  }

  /** Values row by row; without a shape they have one dimension. */
  public static Tensor of(int[] values, long... shape) {
    return made("i32", values, values.length, shape);
  }

  /** Values row by row; without a shape they have one dimension. */
  public static Tensor of(long[] values, long... shape) {
    return made("i64", values, values.length, shape);
  }

  /** Values row by row; without a shape they have one dimension. */
  public static Tensor of(byte[] values, long... shape) {
    return made("u8", values, values.length, shape);
  }

  /** UTF-8 without NUL. */
  public static Tensor text(String text) {
    return of(text.getBytes(StandardCharsets.UTF_8));
  }

  /** One number. */
  public static Tensor scalar(float value) {
    return new Tensor("f32", new float[] {value}, new long[0]);
  }

  /** One number. */
  public static Tensor scalar(double value) {
    return new Tensor("f64", new double[] {value}, new long[0]);
  }

  /** One number. */
  public static Tensor scalar(int value) {
    return new Tensor("i32", new int[] {value}, new long[0]);
  }

  /** One number. */
  public static Tensor scalar(long value) {
    return new Tensor("i64", new long[] {value}, new long[0]);
  }

  /** Of type "f32". */
  public float[] floats() {
    return (float[]) as("f32");
  }

  /** Of type "f64". */
  public double[] doubles() {
    return (double[]) as("f64");
  }

  /** Of type "i32". */
  public int[] ints() {
    return (int[]) as("i32");
  }

  /** Of type "i64". */
  public long[] longs() {
    return (long[]) as("i64");
  }

  /** Of type "u8". */
  public byte[] bytes() {
    return (byte[]) as("u8");
  }

  /** Of type "u8". */
  public String text() {
    return new String(bytes(), StandardCharsets.UTF_8);
  }

  private Object as(String asked) {
    if (!type.equals(asked)) {
      throw MobileAsrException.invalid("a tensor of " + type + " is not one of " + asked);
    }
    return values;
  }

  private static Tensor made(String type, Object values, int count, long[] shape) {
    long[] own = shape.length == 0 ? new long[] {count} : shape.clone();
    long size = 1;
    for (long dimension : own) {
      // Beyond the most that an array holds it stays there.
      size = dimension < 0 ? -1 : Math.min(size * Math.min(dimension, 1L << 31), 1L << 31);
      if (size < 0) {
        break;
      }
    }
    if (size != count) {
      throw MobileAsrException.invalid(
          count + " numbers are none of the shape " + java.util.Arrays.toString(own));
    }
    return new Tensor(type, values, own);
  }
}
