// The library's errors as mobileasr.Error, and calls without the interpreter's lock.
#ifndef MOBILEASR_BINDINGS_PYTHON_ERRORS_H_
#define MOBILEASR_BINDINGS_PYTHON_ERRORS_H_

#include <pybind11/pybind11.h>
#include <mobileasr/mobileasr.hpp>

#include <utility>

// mobileasr.Error; of the Python module, which is there once in a process.
inline PyObject* error_type = nullptr;

// The exception of an error, as an object.
inline pybind11::object ToException(const mobileasr::Error& error) {
  pybind11::object exception =
      pybind11::reinterpret_borrow<pybind11::object>(error_type)(error.message);
  exception.attr("status") = masr_status_name(error.status);
  return exception;
}

[[noreturn]] inline void RaiseObject(const pybind11::object& exception) {
  PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(exception.ptr())), exception.ptr());
  throw pybind11::error_already_set();
}

[[noreturn]] inline void Raise(const mobileasr::Error& error) { RaiseObject(ToException(error)); }

// Without the interpreter's lock, so that other threads go on, and may cancel.
template <class Call>
auto Run(const Call& call) {
  auto result = [&] {
    const pybind11::gil_scoped_release released;
    return call();
  }();
  if (!result) Raise(result.error());
  return std::move(*result);
}

#endif  // MOBILEASR_BINDINGS_PYTHON_ERRORS_H_
