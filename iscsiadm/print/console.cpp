#include "iscsiadm/print/console.hpp"

namespace iscsi::cli {

void console::print(std::string_view lines) {
    out_ << lines << std::flush;
}

void console::complain(std::string_view line) {
    err_ << "iscsiadm: " << line << '\n' << std::flush;
}

void console::complain_bare(std::string_view line) {
    err_ << line << '\n' << std::flush;
}

void console::explain(std::string_view line, int level) {
    if (explains(level) && !line.empty())
        complain(line);
}

} // namespace iscsi::cli
