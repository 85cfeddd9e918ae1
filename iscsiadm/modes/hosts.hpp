#pragma once

#include <map>
#include <set>
#include <string>

namespace iscsi::cli {

// Whether two hosts, each an address or a name, are the same: an IPv6 address has many spellings,
// and a name is every address that it resolves to. Names are asked once each, and never when both
// sides are addresses.
class host_comparison {
  public:
    bool same(const std::string& one, const std::string& other);

  private:
    const std::set<std::string>& addresses_of(const std::string& host);

    std::map<std::string, std::set<std::string>> known_;
};

} // namespace iscsi::cli
