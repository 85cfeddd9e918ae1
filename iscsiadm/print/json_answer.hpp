#pragma once

#include "iscsiadm/print/answer.hpp"

#include <boost/json/object.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace iscsi::cli {

// Raised when a member changes its meaning or goes away; new members do not raise it.
inline constexpr int json_version = 1;

// The "kind" of a document.
std::string_view word_of(document_kind kind);

// The JSON document of one run: add() what there is to show, in order, then finish() once. The kind
// is that of the first answer. The form is that of etc/schema/iscsiadm.schema.json.
class json_document {
  public:
    void add(const answer& what);

    // `messages` are the lines of stderr. What is no UTF-8 is replaced, and listed in "not_utf8".
    boost::json::object finish(admin::exit_code code, const std::vector<std::string>& messages);

  private:
    document_kind kind_ = document_kind::result;
    boost::json::object members_; // all but those that every document has
};

} // namespace iscsi::cli
