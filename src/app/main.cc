#include "coworker/app.h"

int main(int argc, char** argv) {
  coworker::App app;
  return app.run(argc, argv);
}
