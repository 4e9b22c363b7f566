#include "operations.h"

Operation operationNamed(const std::string& name) {
  for (const Operations* family :
       {&elementwise::operations(), &layout::operations(), &reduction::operations(), &matrix::operations(), &windows::operations(), &indexing::operations(), &fused::operations(), &attention::operations(), &channels::operations(), &optimiser::operations()}) {
    const auto found = family->find(name);
    if (found != family->end()) return found->second;
  }
  throw std::invalid_argument("there is no operation " + name);
}

bool isDependent(const std::string& name) { return name == "non_max_suppression"; }
