// The operations of each family, by name.
#pragma once

#include <unordered_map>

#include "program.h"

using Operations = std::unordered_map<std::string, Operation>;

const Operations& elementwiseOperations();
const Operations& layoutOperations();
const Operations& reductionOperations();
const Operations& matrixOperations();
const Operations& windowOperations();
const Operations& indexingOperations();
const Operations& fusedOperations();
