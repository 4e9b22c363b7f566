#include "operations.h"

Operation operationNamed(const std::string& name) {
  for (const Operations* family : {&elementwiseOperations(), &layoutOperations(), &reductionOperations(),
                                   &matrixOperations(), &windowOperations(), &indexingOperations(), &fusedOperations()}) {
    const auto found = family->find(name);
    if (found != family->end()) return found->second;
  }
  throw std::invalid_argument("there is no operation " + name);
}
