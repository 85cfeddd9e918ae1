#pragma once

#include "libiscsi/core/parameters.hpp"

#include <cstdint>
#include <optional>

namespace iscsi {

// A NOP-Out whose answer proves that everything sent before it has arrived, and that everything
// the target had said by then has been received (the stream of a connection keeps its order, RFC
// 7143 §4.2.4): a command that is unanswered then is unanswered by its unit, not late on the link.
// One is out at a time.
class link_probe {
  public:
    bool is_out() const { return out_.has_value(); }

    void sent(std::uint32_t tag, instant now) { out_ = {tag, now}; }

    // False: the NOP-In answers something else.
    bool answered(std::uint32_t tag) {
        if (!out_ || out_->tag != tag)
            return false;
        proven_ = out_->at;
        out_.reset();
        return true;
    }

    // An answer has come to a probe that was sent at that time or later.
    bool proves(instant at) const { return proven_ && *proven_ >= at; }

    void forget() {
        out_.reset();
        proven_.reset();
    }

  private:
    struct question {
        std::uint32_t tag;
        instant at;
    };

    std::optional<question> out_;
    std::optional<instant> proven_;
};

} // namespace iscsi
