// The operations of each family, by name.
#pragma once

#include <unordered_map>

#include "program.h"

using Operations = std::unordered_map<std::string, Operation>;

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
