#include "iscsiadm/print/lines.hpp"
#include "iscsiadm/print/presenter.hpp"

namespace iscsi::cli {

void text_presenter::show(const answer& what) {
    if (const std::string lines = lines_of(what); !lines.empty())
        screen_.print(lines);
}

} // namespace iscsi::cli
