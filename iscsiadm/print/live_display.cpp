#include "iscsiadm/print/live_display.hpp"

#include "iscsiadm/print/watch_table.hpp"

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <utility>

namespace iscsi::cli {

namespace {

// ECMA-48: CUP to the upper left corner; ED of all, or of what follows; EL of the rest of the line.
constexpr std::string_view home = "\x1b[H", erase_all = "\x1b[2J", erase_below = "\x1b[J",
                           erase_rest = "\x1b[K";

// 0: the terminal does not say.
struct extent {
    std::size_t rows = 0, columns = 0;
};

extent extent_of(int terminal) {
    winsize size{};
    if (::ioctl(terminal, TIOCGWINSZ, &size) != 0) // NOLINT(cppcoreguidelines-pro-type-vararg)
        return {};
    return {size.ws_row, size.ws_col};
}

// Each line takes the place of an older, longer one.
std::string erased(const std::string& text) {
    std::string all;
    for (const char each : text) {
        if (each == '\n')
            all += erase_rest;
        all += each;
    }
    return all;
}

} // namespace

stdout_display::stdout_display(std::ostream& out, int descriptor)
    : out_(out), descriptor_(descriptor), is_terminal_(::isatty(descriptor) == 1) {}

void stdout_display::draw(const std::vector<std::string>& lines) {
    const bool is_first = std::exchange(is_first_, false);
    if (!is_terminal_) {
        out_ << (is_first ? "" : "\n") << cut_to(lines, 0, 0) << std::flush;
        return;
    }
    const extent size = extent_of(descriptor_);
    const std::size_t rows = size.rows > 1 ? size.rows - 1 : 0; // the cursor stands in the last one
    out_ << home << (is_first ? erase_all : "") << erased(cut_to(lines, rows, size.columns))
         << erase_below << std::flush;
}

// A pipe whose reader has gone says so, and a write to it would end the program before.
bool stdout_display::wait(std::chrono::milliseconds how_long) {
    pollfd reader{descriptor_, 0, 0};
    ::poll(&reader, 1, static_cast<int>(how_long.count()));
    constexpr int gone = POLLERR | POLLHUP | POLLNVAL;
    return out_.good() && (reader.revents & gone) == 0;
}

} // namespace iscsi::cli
