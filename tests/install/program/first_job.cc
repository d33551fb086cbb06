#include <coworker/producer.h>

#include <iostream>

int main() {
  coworker::Producer producer{"file:./coworker-data"};
  const auto added = producer.add("mail", R"({"to":"anna@example.org"})");
  std::cout << (added ? added.id() : added.message()) << '\n';
  return added ? 0 : 1;
}
