#include "daemon/cli/role.h"

namespace remapd::cli {

std::string_view to_string(Role role) {
  switch (role) {
    case Role::kDedicated:
      return "dedicated";
    case Role::kShared:
      return "shared";
    case Role::kNewId:
      break;
  }
  return "new";
}

}  // namespace remapd::cli
