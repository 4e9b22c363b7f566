// The operations of each family, by name.
#pragma once

#include <unordered_map>

#include "program.h"

using Operations = std::unordered_map<std::string, Operation>;

/** Whether an operation computes on the processor with values that it reads from the device, so that it cannot be recorded. */
bool isDependent(const std::string& name);

namespace elementwise {
const Operations& operations();
}
namespace layout {
const Operations& operations();
}
namespace reduction {
const Operations& operations();
}
namespace matrix {
const Operations& operations();
}
namespace windows {
const Operations& operations();
}
namespace indexing {
const Operations& operations();
}
namespace fused {
const Operations& operations();
}
namespace attention {
const Operations& operations();
}
namespace channels {
const Operations& operations();
}
namespace optimiser {
const Operations& operations();
}
