#pragma once

#include <chrono>
#include <cstddef>
#include <ostream>
#include <string>
#include <vector>

namespace iscsi::cli {

// Where something is shown again and again.
class live_display {
  public:
    virtual ~live_display() = default;

    // In the place of the lines of before; the first stays above the others.
    virtual void draw(const std::vector<std::string>& lines) = 0;

    // Until it is time for the next look; false: nobody looks any more.
    virtual bool wait(std::chrono::milliseconds how_long) = 0;
};

// stdout. A terminal is drawn anew from its upper left corner and cut to its size; anything else
// gets one block after the other, divided by blank lines. Ends when stdout takes no more; Ctrl-C is
// left to the program, for nothing of the terminal has been changed.
class stdout_display final : public live_display {
  public:
    // `out` outlives it and is the stream of `descriptor`.
    stdout_display(std::ostream& out, int descriptor);

    void draw(const std::vector<std::string>& lines) override;
    bool wait(std::chrono::milliseconds how_long) override;

  private:
    std::ostream& out_;
    int descriptor_;
    bool is_terminal_;
    bool is_first_ = true;
};

} // namespace iscsi::cli
