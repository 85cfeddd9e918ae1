#pragma once

#include "libiscsi/isns/answer.hpp"

#include <functional>
#include <string>
#include <unordered_set>

namespace iscsid::session {

// Tells what the answers to one question had that cannot be used: each line once, the first of them
// in words and the others as a count.
class isns_left_out {
  public:
    using hearer = std::function<void(std::string)>;

    // `targets`: hears of whom each is; see discovery_plan::hears_left_out. May be missing.
    isns_left_out(hearer lines, hearer targets)
        : lines_(std::move(lines)), targets_(std::move(targets)) {}

    void take(const iscsi::isns::found_targets& found);

    // How many more there were. To be called once, at the end.
    void tell_rest();

  private:
    hearer lines_;
    hearer targets_;
    std::unordered_set<std::size_t> seen_; // hashes: a server may say very much
    std::size_t rest_ = 0;
    std::size_t told_ = 0;
};

} // namespace iscsid::session
