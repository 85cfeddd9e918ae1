#pragma once

#include <chrono>
#include <ostream>
#include <string_view>

namespace iscsi::cli {

// One line at the end of a terminal that says what is waited for, and is gone when there is
// something to print. Programs never see it: a stream that is no terminal gets none.
class waiting_line {
  public:
    // `stream` outlives this.
    waiting_line(std::ostream& stream, bool is_terminal)
        : stream_(stream), is_terminal_(is_terminal) {}

    ~waiting_line() { clear(); }

    waiting_line(const waiting_line&) = delete;
    waiting_line& operator=(const waiting_line&) = delete;

    // Instead of the text that stands there.
    void show(std::string_view text);
    // That `what` is waited for, and how long already.
    void show_wait(std::string_view what, std::chrono::seconds waited);
    void clear();

  private:
    std::ostream& stream_;
    bool is_terminal_;
    bool is_shown_ = false;
};

} // namespace iscsi::cli
