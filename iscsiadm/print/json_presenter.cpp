#include "iscsiadm/print/json_presenter.hpp"

#include <boost/json/serialize.hpp>

namespace iscsi::cli {

void json_presenter::finish(admin::exit_code code) {
    screen_.print(boost::json::serialize(document_.finish(code, screen_.complaints())) + "\n");
}

} // namespace iscsi::cli
