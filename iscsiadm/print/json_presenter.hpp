#pragma once

#include "iscsiadm/print/json_answer.hpp"
#include "iscsiadm/print/presenter.hpp"

namespace iscsi::cli {

// One JSON document for the whole run (iscsiadm-json(5)), printed by finish(), as one line.
class json_presenter final : public presenter {
  public:
    // `screen` outlives it; its complaints become the messages of the document.
    explicit json_presenter(console& screen) : screen_(screen) {}

    void show(const answer& what) override { document_.add(what); }

    void finish(admin::exit_code code) override;

  private:
    console& screen_;
    json_document document_;
};

} // namespace iscsi::cli
