package org.mobileasr;

/** The weights that learn, each a flat array of floats: what a federation sends to and fro. */
public final class Weights {
  /** Of the parameters. */
  public final String[] names;
  /** Of the parameters; a matrix is [outputs, inputs]. */
  public final long[][] shapes;
  /** Values of each, row by row. */
  public final float[][] values;

  /** Three arrays of the same length; they are not copied. */
  public Weights(String[] names, long[][] shapes, float[][] values) {
    if (names.length != shapes.length || names.length != values.length) {
      throw MobileAsrException.invalid(
          "weights need as many names as shapes and values: "
              + names.length + ", " + shapes.length + ", " + values.length);
    }
    this.names = names;
    this.shapes = shapes;
    this.values = values;
  }

  /** How many tensors there are. */
  public int size() {
    return names.length;
  }
}
