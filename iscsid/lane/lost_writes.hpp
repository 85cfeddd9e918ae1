#pragma once

#include "libiscsi/core/session/event.hpp"

#include <cstdint>

namespace iscsid::lane {

// Writes of a logical unit that were answered with GOOD and that the target has lost since. Whose
// they were is not known, so each client of the unit hears of it once, by its next flush, and one
// that comes later hears of a loss that nobody has heard of: the rule of Linux for errors of
// writeback (errseq_t).
class lost_writes {
  public:
    // What one client has heard of; only lost_writes looks into it.
    class heard {
        friend class lost_writes;
        std::uint64_t count_ = 0;
    };

    void note() {
        ++count_;
        is_told_ = false;
    }

    heard newcomer() const {
        heard fresh;
        fresh.count_ = count_ > 0 && !is_told_ ? count_ - 1 : count_;
        return fresh;
    }

    // True when there was a loss since this client heard of the last: it has heard of it now.
    bool tell(heard& client) {
        const bool is_news = client.count_ != count_;
        client.count_ = count_;
        is_told_ |= is_news;
        return is_news;
    }

  private:
    std::uint64_t count_ = 0;
    bool is_told_ = true; // the last loss, to one client at least
};

// Whether this answer to a SYNCHRONIZE CACHE says that something in the cache did not get to the
// medium. Repeating the command would then be answered with GOOD, for what could not be written is
// in the cache no more (SBC-3 §5.18; SPC-4 §4.5.5 for deferred errors, of whatever command). False
// for what says only that the command was not executed: BUSY, unit attention, aborted, not ready.
bool tells_of_lost_writes(const iscsi::task_done& flush);

} // namespace iscsid::lane
