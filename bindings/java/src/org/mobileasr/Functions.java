package org.mobileasr;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The app's functions of a model, and what the native side calls to have one run. */
final class Functions {
  /** By their numbers in masr_dtype. */
  static final String[] TYPES = {"?", "f32", "f64", "i32", "i64", "u8"};

  private final Handle model;
  private final List<Function> all = new ArrayList<>();

  Functions(Handle model) {
    this.model = model;
  }

  int size() {
    return all.size();
  }

  void add(Function function) {
    all.add(function);
  }

  static int type(String name) {
    for (int i = 1; i < TYPES.length; ++i) {
      if (TYPES[i].equals(name)) {
        return i;
      }
    }
    throw MobileAsrException.invalid("type must be f32, f64, i32, i64 or u8, not " + name);
  }

  static long[] types(List<Tensor> tensors) {
    long[] types = new long[tensors.size()];
    for (int i = 0; i < types.length; ++i) {
      types[i] = type(tensors.get(i).type);
    }
    return types;
  }

  static Object[] shapes(List<Tensor> tensors) {
    return tensors.stream().map(tensor -> tensor.shape).toArray();
  }

  static Object[] values(List<Tensor> tensors) {
    return tensors.stream().map(tensor -> tensor.values).toArray();
  }

  static Map<String, Tensor> tensors(
      byte[] names, long[] types, Object[] shapes, Object[] values) {
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    String[] each = Utf8.split(names, types.length);
    for (int i = 0; i < types.length; ++i) {
      tensors.put(each[i], new Tensor(TYPES[(int) types[i]], values[i], (long[]) shapes[i]));
    }
    return tensors;
  }

  /**
   * Called by the native side: the values of the outputs that are asked for, in their order; their
   * shapes to {@code outputShapes}.
   */
  @SuppressWarnings("unused")
  private Object[] call(
      int index, byte[] names, long[] types, Object[] shapes, Object[] values,
      byte[] outputNames, long[] outputTypes, Object[] outputShapes) {
    model.enterFunction();
    Map<String, Tensor> answer;
    try {
      answer = all.get(index).call(tensors(names, types, shapes, values));
    } finally {
      model.leaveFunction();
    }
    Object[] outputs = new Object[outputTypes.length];
    String[] each = Utf8.split(outputNames, outputs.length);
    for (int i = 0; i < outputs.length; ++i) {
      Tensor tensor = answer == null ? null : answer.get(each[i]);
      if (tensor == null) {
        throw MobileAsrException.invalid("a function has given no '" + each[i] + "'");
      }
      String wanted = TYPES[(int) outputTypes[i]];
      if (!tensor.type.equals(wanted)) {
        throw MobileAsrException.invalid(
            "a function has given '" + each[i] + "' as " + tensor.type + ", not " + wanted);
      }
      outputShapes[i] = tensor.shape;
      outputs[i] = tensor.values;
    }
    return outputs;
  }
}
