// Functions by name: Model.functions(), call() and register().
#ifndef MOBILEASR_BINDINGS_PYTHON_FUNCTIONS_H_
#define MOBILEASR_BINDINGS_PYTHON_FUNCTIONS_H_

#include <pybind11/pybind11.h>
#include <mobileasr/mobileasr.hpp>

void DefineFunctions(pybind11::class_<mobileasr::Model>& model);

#endif  // MOBILEASR_BINDINGS_PYTHON_FUNCTIONS_H_
